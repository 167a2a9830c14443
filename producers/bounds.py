"""Where a partition of the log begins and ends.

A broker that has just made a topic, or just come back, says for a moment that it does not lead the
partitions that the metadata already gives it. That passes by itself, so it is asked again.
"""

import time
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

PAUSE_SECONDS: Final = 0.05

PASSING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
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
    deadline = time.monotonic() + timeout
    while True:
        try:
            low, high = consumer.get_watermark_offsets(asked, timeout=timeout)
        except KafkaException as error:
            if error.args[0].code() not in PASSING or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)  # nobody tells when the broker has heard
        else:
            return Bounds(int(low), int(high))
