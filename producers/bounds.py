"""Places in the log of a partition: where it begins and ends, where a moment is, where a group is.

A broker that has just made a topic, or just come back, says for a moment that it does not lead the
partitions that the metadata already gives it, and when a leader is gone nobody knows the next one
yet. That passes by itself, so it is asked again. Answers for partitions come with errors of their
own, whose offset is negative: taken for "nothing there" they would mean the end, or the beginning.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

PAUSE_SECONDS: Final = 0.05
LEARN_SECONDS: Final = 1.0
"""Longest wait for who leads."""

PASSING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        # librdkafka's own: the broker that was asked is gone; its metadata lack a leader.
        KafkaError._DESTROY_BROKER,  # noqa: SLF001 - there is no public name
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - likewise
    }
)
"""What a broker answers until it has heard from its controller."""


Answer = TypeVar("Answer")


class Bounds(NamedTuple):
    """The first offset kept and the offset after the last."""

    low: int
    high: int


def bounds(consumer: Consumer, topic: str, partition: int, timeout: float) -> Bounds:
    """Ask for the bounds of a partition, `timeout` seconds in all.

    Raises:
        KafkaException: the broker did not tell; the last answer is in it.

    """

    def ask(left: float) -> Bounds:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=left)
        return Bounds(int(low), int(high))

    return _patiently(ask, consumer, topic, timeout)


def at_time(
    consumer: Consumer, topic: str, partition: int, moment_ms: int, timeout: float
) -> int | None:
    """Ask for the first offset of a moment or later; None where nothing is as late.

    Raises:
        KafkaException: the broker did not tell within `timeout` seconds.

    """

    def ask(left: float) -> int | None:
        asked = [TopicPartition(topic, partition, moment_ms)]
        (found,) = consumer.offsets_for_times(asked, left)
        return _told(found)

    return _patiently(ask, consumer, topic, timeout)


def committed(
    consumer: Consumer, topic: str, partitions: Iterable[int], timeout: float
) -> dict[int, int]:
    """Ask where the consumer's group is, by partition, without those that it never had.

    Raises:
        KafkaException: the broker did not tell, of one of them or of all.

    """
    asked = [TopicPartition(topic, number) for number in partitions]
    places = {place.partition: _told(place) for place in consumer.committed(asked, timeout=timeout)}
    return {number: offset for number, offset in places.items() if offset is not None}


def _told(place: TopicPartition) -> int | None:
    """The offset of an answer; None where there is none. Raises KafkaException for an error."""
    if place.error is not None:
        raise KafkaException(place.error)
    return place.offset if place.offset >= 0 else None


def _patiently(
    ask: Callable[[float], Answer], consumer: Consumer, topic: str, timeout: float
) -> Answer:
    """Ask until the answer is none that passes by itself, or the time is over."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask(max(deadline - time.monotonic(), PAUSE_SECONDS))
        except KafkaException as error:
            if error.args[0].code() not in PASSING or time.monotonic() > deadline:
                raise
        _learn(consumer, topic)


def _learn(consumer: Consumer, topic: str) -> None:
    """Ask who leads: by itself librdkafka believes for minutes what it knew of a dead broker."""
    with suppress(KafkaException):
        consumer.list_topics(topic, timeout=LEARN_SECONDS)
    time.sleep(PAUSE_SECONDS)  # nobody tells when the broker has heard
