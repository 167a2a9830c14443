"""Changing settings of topics behind the contract's back, and of brokers."""

from collections.abc import Mapping

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from schemas.settings import Settings
from schemas.topics import Topic
from wallet import topics


def alter(
    settings: Settings,
    name: str,
    changed: Mapping[str, str],
    kind: ResourceType = ResourceType.TOPIC,
) -> None:
    """Set settings of a topic, or of another kind; the controller has them then."""
    entries = [
        ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
        for setting, value in changed.items()
    ]
    resource = ConfigResource(kind, name, incremental_configs=entries)
    admin = topics.client(settings)  # named: thrown away, it would end before the answer
    (done,) = admin.incremental_alter_configs([resource]).values()
    done.result(20)


def cut(settings: Settings, topic: Topic, *starts: tuple[int, int]) -> None:
    """Take the beginning of partitions, as retention does: up to an offset, or all of it (-1)."""
    wanted = [TopicPartition(topic.name, partition, start) for partition, start in starts]
    admin = topics.client(settings)  # named, as above
    for future in admin.delete_records(wanted).values():
        future.result(20)
