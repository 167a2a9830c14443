"""Reading logs for a replay: one partition at a time, in runs, up to an end fixed beforehand."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Self, cast

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPlace
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.audit.log import Record as LogRecord
from producers.bounds import Bounds, at_time, bounds
from producers.credentials import of_aiokafka
from producers.headers import headers_of
from schemas.settings import Settings
from streams import unpacking
from streams.unpacking import FetchedRecord
from wallet.failure import Failure

POLL_SECONDS: Final = 0.1
RUN: Final = 2000
"""Most records of a run."""
QUEUED_KB: Final = 96 * 1024
"""What librdkafka reads ahead, all partitions and topics of a replay together."""


class Span(NamedTuple):
    """A stretch of one partition of a topic: from an offset on, and before another."""

    topic: str
    partition: int
    start: int
    end: int


class Logs:
    """Asks about topics: bounds, places of times, records by place. A context that closes it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._timeout = settings.kafka_timeout
        self._consumer = Consumer(_client(settings, committed=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def bounds(self, topic: str, partition: int) -> Bounds:
        """The first offset kept and the offset after the last."""
        return bounds(self._consumer, topic, partition, self._timeout)

    def at_time(self, topic: str, partition: int, moment_ms: int) -> int:
        """The first offset recorded at a moment or later; the end where there is none."""
        found = at_time(self._consumer, topic, partition, moment_ms, self._timeout)
        return self.bounds(topic, partition).high if found is None else found

    def time_of(self, topic: str, partition: int, offset: int) -> int | None:
        """When the record at an offset, or the next one, was recorded; None at the end."""
        if offset >= self.bounds(topic, partition).high:
            return None
        record = self._first_from(topic, partition, offset)
        return None if record is None else record.timestamp()[1]

    def find(self, topic: str, partition: int, wanted: int, count: Callable[[Message], int]) -> int:
        """The first offset whose record counts `wanted` or more, where counts rise; else the end.

        Records of transactions leave gaps for their markers, so that it has to be looked for.
        """
        low, high = self.bounds(topic, partition)
        if wanted <= 0:
            return low
        while low < high:
            middle = (low + high) // 2
            record = self._first_from(topic, partition, middle)
            if record is None or count(record) >= wanted:
                high = middle
            else:
                low = cast("int", record.offset()) + 1
        return low

    def _first_from(self, topic: str, partition: int, start: int) -> Message | None:
        self._consumer.assign([TopicPartition(topic, partition, start)])
        message = self._consumer.poll(self._timeout)
        if message is None:
            raise _silent(topic, partition, self._timeout)
        return None if _is_end(message) else message


def runs(settings: Settings, span: Span, *, committed: bool) -> Iterator[list[Message]]:
    """The records of a span in order, in runs of some thousand.

    `committed` as the readers of results and events have it; workers take commands as they come.
    Raises Failure when the broker falls silent, KafkaException on what it says else.
    """
    if span.start >= span.end:
        return
    consumer = Consumer(_client(settings, committed=committed))
    try:
        consumer.assign([TopicPartition(span.topic, span.partition, span.start)])
        yield from _drain(consumer, span, settings.kafka_timeout)
    finally:
        consumer.close()


def _drain(consumer: Consumer, span: Span, timeout: float) -> Iterator[list[Message]]:
    deadline = time.monotonic() + timeout
    while True:
        first = consumer.poll(POLL_SECONDS)
        if first is None:
            if time.monotonic() > deadline:
                raise _silent(span.topic, span.partition, timeout)
            continue
        deadline = time.monotonic() + timeout
        taken = [first, *consumer.consume(RUN, 0)]
        ended = [_is_end(each) for each in taken]
        records = [m for m, end in zip(taken, ended, strict=True) if not end]
        inside = [m for m in records if cast("int", m.offset()) < span.end]
        if inside:
            yield inside
        if any(ended) or len(inside) < len(records) or _reaches(inside, span):
            return


def _reaches(inside: Sequence[Message], span: Span) -> bool:
    return bool(inside) and cast("int", inside[-1].offset()) >= span.end - 1


def record_of(settings: Settings, message: Message) -> FetchedRecord:
    """A record of the commands topic as a worker gets it."""
    kept = cast("LogRecord", message)
    headers = headers_of(kept)
    topic = message.topic() or ""
    if headers is None:
        return asyncio.run(_fetched(settings, KafkaPlace(topic, kept.partition()), kept.offset()))
    kind, timestamp = kept.timestamp()
    return FetchedRecord(
        topic,
        kept.partition(),
        kept.offset(),
        timestamp,
        kind,
        kept.key(),
        kept.value(),
        tuple(headers),
    )


async def _fetched(settings: Settings, place: KafkaPlace, offset: int) -> FetchedRecord:
    """One record through the workers' own reader: confluent's gives no names that are no text."""
    unpacking.install()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap,
        enable_auto_commit=False,
        **of_aiokafka(settings),
    )
    async with asyncio.timeout(settings.kafka_timeout):
        await consumer.start()
        try:
            consumer.assign([place])
            consumer.seek(place, offset)
            record: FetchedRecord = await consumer.getone(place)
        finally:
            await consumer.stop()
    assert record.offset == offset, "the record was read a moment ago"
    return record


def _client(settings: Settings, *, committed: bool) -> dict[str, Any]:
    return {
        **settings.kafka_client(),
        "group.id": f"{settings.application}-replay",  # required, never joined
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed" if committed else "read_uncommitted",
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 20,
        "queued.max.messages.kbytes": max(1024, QUEUED_KB // (3 * settings.partitions)),
        "log_level": 2,
    }


def _is_end(message: Message) -> bool:
    """Whether this tells the end of the partition. Raises KafkaException on any other error."""
    error = message.error()
    if error is None:
        return False
    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - there is no public name for it
        raise KafkaException(error)
    return True


def _silent(topic: str, partition: int, timeout: float) -> Failure:
    return Failure(f"no answer from Kafka for {topic}[{partition}] in {timeout:g} s")
