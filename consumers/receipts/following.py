"""Follows the events topic as a member of the receipts' group, and keeps the group's offsets.

They are committed after the receipts are there. What was read and not committed is read again by
whoever has the partition next, and finds its receipts made.
"""

import time
from typing import Any, Final, Literal

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.bounds import bounds
from schemas.settings import Settings

GROUP: Final = "receipts"

BATCH: Final = 200
"""Most records of one poll: were each a transfer, half a second's work."""

POLL_LIMIT_SECONDS: Final = 60
"""Who does not poll for so long is out of the group, and others take its partitions."""

COMMIT_SECONDS: Final = 1.0
"""So often offsets are committed where no receipt was made: that nothing was to be done costs
little to find out again."""

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
        self._topic = settings.topics.events.name
        self._timeout = settings.kafka_timeout
        self._start: Start = settings.receipts_start
        self._read: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._commit_at = 0.0
        self._consumer = Consumer(_consumer_settings(settings, slot))
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def poll(self, timeout: float) -> list[Message]:
        """The records since the last poll, in the order of each partition, none with an error."""
        first = self._consumer.poll(timeout)
        records = [] if first is None else [first, *self._consumer.consume(BATCH - 1, timeout=0)]
        usable = []
        for record in records:
            error = record.error()
            if error is None:
                usable.append(record)
                self._read[record.partition() or 0] = (record.offset() or 0) + 1
            elif error.fatal():
                raise KafkaException(error)
            else:
                log.debug("trouble on the way", topic=self._topic, why=error.str())
        return usable

    def done(self, *, at_once: bool) -> None:
        """All that was polled is done. Commits it, `at_once` or if the last time was long ago."""
        self._done |= self._read
        self._read = {}
        now = time.monotonic()
        if self._done and (at_once or now >= self._commit_at):
            self._commit_at = now + COMMIT_SECONDS
            self._commit_done()

    def close(self) -> None:
        """Leave the group; what is done is committed by then."""
        self._consumer.close()

    def _commit_done(self) -> None:
        """Commit; where Kafka does not take it now, it is tried again with what is done next."""
        if not self._done:
            return
        places = [TopicPartition(self._topic, number, end) for number, end in self._done.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            told = error.args[0]
            if told.fatal():
                raise
            log.info("offsets not committed", topic=self._topic, why=told.str())
            if told.code() not in _LOST:
                return
        self._done = {}

    def _assigned(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        numbers = sorted(place.partition for place in given)
        if not numbers:
            consumer.incremental_assign([])
            return
        kept = consumer.committed(given, timeout=self._timeout)
        starts = {place.partition: place.offset for place in kept if place.offset >= 0}
        new = {number: self._first(consumer, number) for number in set(numbers) - set(starts)}
        places = [
            TopicPartition(self._topic, number, offset) for number, offset in (starts | new).items()
        ]
        consumer.incremental_assign(places)
        # Else "the end" would be a later one after a crash, and what came between without receipts.
        self._done |= new
        self._commit_done()
        log.info("partitions gained", topic=self._topic, partitions=numbers)

    def _first(self, consumer: Consumer, partition: int) -> int:
        """Where the group begins with a partition that it never had."""
        found = bounds(consumer, self._topic, partition, self._timeout)
        return found.low if self._start == "beginning" else found.high

    def _revoked(self, consumer: Consumer, taken: list[TopicPartition]) -> None:
        self._commit_done()
        self._gone(consumer, taken)

    def _lost(self, consumer: Consumer, taken: list[TopicPartition]) -> None:
        self._gone(consumer, taken)

    def _gone(self, consumer: Consumer, taken: list[TopicPartition]) -> None:
        consumer.incremental_unassign(taken)
        numbers = sorted(place.partition for place in taken)
        for number in numbers:
            self._done.pop(number, None)
        if numbers:
            log.info("partitions lost", topic=self._topic, partitions=numbers)


def _consumer_settings(settings: Settings, slot: str) -> dict[str, Any]:
    name = f"{settings.application}-{GROUP}"
    return {
        **settings.kafka_client(),
        "group.id": name,
        "group.instance.id": f"{name}-{slot}",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 6_000,  # the broker's floor
        "heartbeat.interval.ms": 1_000,
        "max.poll.interval.ms": POLL_LIMIT_SECONDS * 1000,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        # Where the log was cut under our feet: a receipt that is there is not made again.
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 5_000,  # so soon a topic that is made late is found
        # Nobody waits for a receipt as for a result: fewer and larger answers of the broker.
        "fetch.min.bytes": 64 * 1024,
        "fetch.wait.max.ms": 200,
        "fetch.error.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "queued.max.messages.kbytes": 16 * 1024,
        "log_level": 2,  # librdkafka goes on trying, and says so on every line
    }
