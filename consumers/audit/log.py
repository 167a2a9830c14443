"""Reading a topic from its beginning to its end, as a consumer that sees only what is committed."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol, cast

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from producers.bounds import bounds

BATCH: Final = 5000
"""Messages taken from librdkafka in one call: past a thousand the call costs nothing each."""
POLL_SECONDS: Final = 0.1
QUEUED_KB: Final = 32 * 1024
"""What librdkafka reads ahead, at most, for each consumer."""

ClientSettings = Mapping[str, str | int | float | bool]


class Record(Protocol):
    """A message that carries no error: then the client fills in all of this."""

    def partition(self) -> int:
        """Number of the partition."""
        ...

    def offset(self) -> int:
        """Where in the partition."""
        ...

    def key(self) -> bytes | None:
        """The wallet id, as a rule."""
        ...

    def value(self) -> bytes | None:
        """The body."""
        ...

    def headers(self) -> list[tuple[str, bytes]] | None:
        """In the order sent."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Type and milliseconds since 1970."""
        ...


class LogError(RuntimeError):
    """A topic cannot be read; the text says which and why."""


class Log:
    """One topic. `timeout` in seconds bounds every question and every silence of the broker."""

    def __init__(self, client: ClientSettings, topic: str, timeout: float) -> None:
        self.topic: Final = topic
        self._client = dict(client)
        self._timeout = timeout
        self._asker = self._consumer()
        self.partitions: Final = self._partitions()

    def close(self) -> None:
        """Leave the broker."""
        self._asker.close()

    def bounds(self, partition: int) -> tuple[int, int]:
        """First offset kept and the end: the offset after the last committed record."""
        return bounds(self._asker, self.topic, partition, self._timeout)

    def read(self, starts: Mapping[int, int]) -> Iterator[list[Record]]:
        """All committed records from these offsets (by partition) to the end, in batches.

        Each partition's records come in order. Raises LogError when the broker falls silent.
        """
        consumer = self._consumer()
        try:
            consumer.assign([TopicPartition(self.topic, p, at) for p, at in starts.items()])
            yield from self._drain(consumer, set(starts))
        finally:
            consumer.close()

    def record(self, partition: int, offset: int) -> Record | None:
        """The record at an offset; None when there is none any more."""
        for batch in self.read({partition: offset}):
            return batch[0] if batch and batch[0].offset() == offset else None
        return None

    def _drain(self, consumer: Consumer, waiting: set[int]) -> Iterator[list[Record]]:
        silence = 0.0
        while waiting:
            found = _next(consumer)
            silence = 0.0 if found else silence + POLL_SECONDS
            if silence > self._timeout:
                raise LogError(f"no answer from Kafka for {self.topic} in {self._timeout:g} s")
            batch = cast(list[Record], [each for each in found if each.error() is None])
            if len(batch) != len(found):
                waiting -= _ended(found)
            if batch:
                yield batch

    def _partitions(self) -> tuple[int, ...]:
        found = self._asker.list_topics(self.topic, self._timeout).topics[self.topic]
        if found.error is not None or not found.partitions:
            raise LogError(f"there is no topic {self.topic}: {found.error}")
        return tuple(sorted(found.partitions))

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                **self._client,
                "group.id": "wallet-audit",  # asked for by the client; never joined
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 20,
                "queued.max.messages.kbytes": QUEUED_KB,
                "log_level": 2,  # what goes wrong is raised, not said by lines on stderr
            }
        )


def cut_at(log: Log) -> dict[int, int]:
    """The first offset kept of each partition whose beginning is gone."""
    starts = {partition: log.bounds(partition)[0] for partition in log.partitions}
    return {partition: start for partition, start in starts.items() if start > 0}


def _next(consumer: Consumer) -> list[Message]:
    """What is here, or the next to come: consume() with a timeout would wait for a full batch."""
    first = consumer.poll(POLL_SECONDS)
    return [] if first is None else [first, *consumer.consume(BATCH, 0)]


def _ended(messages: list[Message]) -> set[int]:
    """Partitions whose end these messages tell. Raises KafkaException on any other error."""
    ended = set()
    for message in messages:
        error = message.error()
        if error is None:
            continue
        if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - so is its name
            raise KafkaException(error)
        ended.add(cast(int, message.partition()))
    return ended
