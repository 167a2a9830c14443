"""Reads the events topic as it stands, and on as it grows. Committed events only, in no group."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.failure import TailError
from consumers.kit.reading import Told, UnreadableError, read
from producers import unreached
from producers.bounds import Bounds, at_time, bounds
from schemas.identifiers import partition_of
from schemas.settings import Settings

__all__ = ["Offset", "Start", "Tail", "Told"]

POLL_SECONDS: Final = 0.2


class Offset(NamedTuple):
    """A place to start at: of one partition, or the same offset of each."""

    offset: int
    partition: int | None = None


Start = Literal["beginning", "end"] | datetime | Offset
"""Where to start: an end of the log, the first event recorded at a moment or later, an offset.

Of an offset of one partition that one only is read."""


class Tail:
    """One reading of the events topic. Of one wallet only its own partition is read."""

    def __init__(self, settings: Settings, wallet_id: str | None = None) -> None:
        self._settings = settings
        self._topic = settings.topics.events.name
        self._wallet_id = wallet_id
        self._consumer = Consumer(_consumer_settings(settings))

    def read(self, start: Start = "beginning", *, follow: bool = False) -> Iterator[Told | None]:
        """The events from `start`; without `follow` up to what was the end when it was asked.

        Gives None whenever it has waited a while for more. Raises TailError.
        """
        try:
            yield from self._read(start, follow=follow)
        except KafkaException as error:
            raise TailError(
                f"Kafka at {self._settings.kafka_bootstrap}: {error.args[0].str()}:"
                f" {unreached.why(self._settings)}"
            ) from error
        finally:
            self._consumer.close()

    def _read(self, start: Start, *, follow: bool) -> Iterator[Told | None]:
        ends = {partition: self._bounds(partition) for partition in self._partitions(start)}
        self._consumer.assign(self._starts(start, ends))
        open_partitions = {p for p, (first, end) in ends.items() if follow or first < end}
        deadline = time.monotonic() + self._settings.kafka_timeout
        while open_partitions:
            record = self._consumer.poll(POLL_SECONDS)
            if record is None or _is_trouble(record):
                if not follow and time.monotonic() > deadline:
                    raise TailError(f"{self._topic} could not be read to its end in time")
                yield None
                continue
            deadline = time.monotonic() + self._settings.kafka_timeout
            if record.error() is None:
                yield from self._told(record)
            if not follow and _is_past(record, ends):
                open_partitions.discard(record.partition() or 0)

    def _partitions(self, start: Start) -> list[int]:
        found = self._consumer.list_topics(self._topic, self._settings.kafka_timeout)
        topic = found.topics[self._topic]
        if topic.error is not None or not topic.partitions:
            raise TailError(
                f"Kafka at {self._settings.kafka_bootstrap} has no topic {self._topic};"
                " make the topics with `wallet topics apply`"
            )
        wanted = set(topic.partitions)
        if self._wallet_id is not None:
            wanted = {partition_of(self._wallet_id, len(topic.partitions))}
        if isinstance(start, Offset) and start.partition is not None:
            if start.partition not in topic.partitions:
                raise TailError(f"{self._topic} has no partition {start.partition}")
            wanted &= {start.partition}
        return sorted(wanted)

    def _bounds(self, partition: int) -> Bounds:
        """First offset and end of a partition."""
        return bounds(self._consumer, self._topic, partition, self._settings.kafka_timeout)

    def _starts(self, start: Start, ends: dict[int, Bounds]) -> list[TopicPartition]:
        return [
            TopicPartition(self._topic, partition, self._first(start, partition, found))
            for partition, found in ends.items()
        ]

    def _first(self, start: Start, partition: int, found: Bounds) -> int:
        if isinstance(start, datetime):
            moment, timeout = int(start.timestamp() * 1000), self._settings.kafka_timeout
            first = at_time(self._consumer, self._topic, partition, moment, timeout)
            return found.high if first is None else first
        if isinstance(start, Offset):
            return min(max(start.offset, found.low), found.high)
        return found.low if start == "beginning" else found.high

    def _told(self, record: Message) -> Iterator[Told]:
        try:
            told = read(record)
        except UnreadableError as error:
            place = f"{self._topic} {record.partition()}:{record.offset()}"
            raise TailError(f"{place} is no event: {error}") from error
        if self._wallet_id in (None, told.event.wallet_id):
            yield told


def _consumer_settings(settings: Settings) -> dict[str, Any]:
    return {
        **settings.kafka_client(),
        "group.id": f"{settings.application}-unused",  # required, never joined
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        # The last record may be a transaction's marker, which is never handed out.
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": 16 * 1024,
        "log_level": 2,  # what goes wrong is told by TailError, not by lines on stderr
    }


def _is_trouble(record: Message) -> bool:
    """Whether this is the news of a broker gone: librdkafka goes on trying."""
    error = record.error()
    return error is not None and error.code() != KafkaError._PARTITION_EOF  # noqa: SLF001


def _is_past(record: Message, ends: dict[int, Bounds]) -> bool:
    """Whether what was the end of the record's partition at the start is reached."""
    offset = record.offset()
    if record.error() is not None or offset is None:
        return True
    return offset >= ends[record.partition() or 0][1] - 1
