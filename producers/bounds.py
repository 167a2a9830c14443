"""Where a partition of the log begins and ends.

A broker that has just made a topic, or just come back, says for a moment that it does not lead the
partitions that the metadata already gives it. That passes by itself, so it is asked again.
"""

from typing import Final, NamedTuple

import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.5

PASSING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)
"""What a broker answers until it has heard from its controller."""


class Bounds(NamedTuple):
    """The first offset kept and the offset after the last."""

    low: int
    high: int


def bounds(consumer: Consumer, topic: str, partition: int, timeout: float) -> Bounds:
    """Ask for the bounds of a partition, `timeout` seconds in all.

    Raises:
        KafkaException: the broker did not tell; the last answer is in it.

    """
    asked = TopicPartition(topic, partition)
    for attempt in stamina.retry_context(
        on=_is_passing,
        attempts=None,
        timeout=timeout,
        wait_initial=PAUSE_SECONDS,
        wait_max=LONGEST_PAUSE_SECONDS,
    ):
        with attempt:
            low, high = consumer.get_watermark_offsets(asked, timeout=timeout)
    return Bounds(int(low), int(high))


def _is_passing(error: Exception) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in PASSING
