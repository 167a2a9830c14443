"""Changing a topic's settings behind the contract's back."""

from collections.abc import Mapping

from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from schemas.settings import Settings
from wallet import topics


def alter(settings: Settings, topic: str, changed: Mapping[str, str]) -> None:
    """Set settings of a topic."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in changed.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
    admin = topics.client(settings)  # named: thrown away, it would end before the answer
    (done,) = admin.incremental_alter_configs([resource]).values()
    done.result(20)
