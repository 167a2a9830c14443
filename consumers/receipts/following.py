"""Follows the events topic as a member of the receipts' group, and keeps the group's offsets.

They are committed after the receipts are there. What was read and not committed is read again by
whoever has the partition next, and finds its receipts made.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, Literal

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.kit.member import Member
from producers.bounds import bounds, committed
from schemas.settings import Settings

GROUP: Final = "receipts"

BATCH: Final = 200
"""Most records of one poll: were each a transfer, half a second's work."""

COMMIT_SECONDS: Final = 1.0
"""So often offsets are committed where no receipt was made: that nothing was to be done costs
little to find out again."""

CHANGES: Final[Mapping[str, Any]] = {
    # Where the log was cut under our feet: a receipt that is there is not made again.
    "auto.offset.reset": "earliest",
    # Nobody waits for a receipt as for a result: fewer and larger answers of the broker.
    "fetch.min.bytes": 64 * 1024,
    "fetch.wait.max.ms": 200,
}

Start = Literal["beginning", "end"]

log: Final = structlog.get_logger(__name__)

_LOST: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError._NO_OFFSET,  # noqa: SLF001 - its spelling
    }
)
"""A commit that comes too late: the partition is another's, who makes the same receipts."""


class Following:
    """A member of the group. Methods raise KafkaException when it can not go on as one."""

    def __init__(self, settings: Settings, slot: str) -> None:
        topic = settings.topics.events
        self._topic = topic.name
        self._timeout = settings.kafka_timeout
        self._start: Start = settings.receipts_start
        self._read: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._commit_at = 0.0
        self._member = Member(settings, topic, GROUP, self, slot=slot, batch=BATCH, changes=CHANGES)

    def poll(self, timeout: float) -> list[Message]:
        """The records since the last poll, in the order of each partition, none with an error."""
        records = self._member.poll(timeout)
        for record in records:
            self._read[record.partition() or 0] = (record.offset() or 0) + 1
        return records

    def done(self, *, at_once: bool) -> None:
        """All that was polled is done. Commits it, `at_once` or if the last time was long ago."""
        self._done |= self._read
        self._read = {}
        now = time.monotonic()
        if self._done and (at_once or now >= self._commit_at):
            self._commit_at = now + COMMIT_SECONDS
            self._commit_done(self._member.consumer)

    def close(self) -> None:
        """Leave the group; what is done is committed by then."""
        self._member.close()

    def begin(self, consumer: Consumer, partitions: list[int]) -> Mapping[int, int]:
        """Where the group is, or where it begins with partitions that it never had."""
        starts = committed(consumer, self._topic, partitions, self._timeout)
        new = {number: self._first(consumer, number) for number in set(partitions) - set(starts)}
        # Else "the end" would be a later one after a crash, and what came between without receipts.
        self._done |= new
        return starts | new

    def gained(self, _: list[int]) -> None:
        """Keep where the group begins."""
        self._commit_done(self._member.consumer)

    def leaving(self, partitions: list[int]) -> None:
        """Leave to the next what is done."""
        self._commit_done(self._member.consumer)
        self.lost(partitions)

    def lost(self, partitions: list[int]) -> None:
        """Forget them: another goes on from what was committed."""
        for number in partitions:
            self._done.pop(number, None)

    def _commit_done(self, consumer: Consumer) -> None:
        """Commit; where Kafka does not take it now, it is tried again with what is done next."""
        if not self._done:
            return
        places = [TopicPartition(self._topic, number, end) for number, end in self._done.items()]
        try:
            consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            told = error.args[0]
            if told.fatal():
                raise
            log.info("offsets not committed", topic=self._topic, why=told.str())
            if told.code() not in _LOST:
                return
        self._done = {}

    def _first(self, consumer: Consumer, partition: int) -> int:
        """Where the group begins with a partition that it never had."""
        found = bounds(consumer, self._topic, partition, self._timeout)
        return found.low if self._start == "beginning" else found.high
