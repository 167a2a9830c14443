"""The committed results of a ledger as a client reads them, from the present end on."""

from typing import Final

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from producers.bounds import bounds
from schemas.settings import Settings

WAIT_MS: Final = 20


def results_from_now(settings: Settings, name: str, wait_ms: int = WAIT_MS) -> Consumer:
    """A consumer of every partition of the results; `name` is the last part of its group.

    The broker answers a fetch at the latest after `wait_ms`. Raises KafkaException when it does not
    say in time where the ends are.
    """
    consumer = Consumer(
        {
            **settings.kafka_client(),
            "group.id": f"{settings.application}-{name}",  # never joined
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": wait_ms,
            "log_level": 2,
        }
    )
    topic = settings.topics.results.name
    tops = [TopicPartition(topic, number) for number in range(settings.partitions)]
    for top in tops:
        top.offset = bounds(consumer, topic, top.partition, settings.kafka_timeout).high
    assert all(top.offset != OFFSET_END for top in tops), "the ends are known"
    consumer.assign(tops)
    return consumer
