"""Single records of the log, looked up: at an offset, the first ones after a moment.

For tools and for consumers that start: one consumer, in no group. Only what is committed is seen.
"""

import time
from collections.abc import Iterator
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.failure import RecordsError
from producers import unreached
from producers.bounds import Bounds, at_time, bounds
from schemas.settings import Settings

_ENDS: Final = frozenset(
    {
        KafkaError._PARTITION_EOF,  # noqa: SLF001 - its spelling
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - retention took what we asked for just now
    }
)


class Records:
    """A reader of single records; use as a context manager. Methods raise RecordsError.

    `timeout` in seconds bounds every look.
    """

    def __init__(self, settings: Settings, timeout: float | None = None) -> None:
        self._address = settings.kafka_bootstrap
        self._timeout = timeout or settings.kafka_timeout
        self._consumer = Consumer(
            {
                **settings.kafka_client(),
                "group.id": f"{settings.application}-unused",  # required, never joined
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 10,
                "reconnect.backoff.max.ms": 500,
                "queued.max.messages.kbytes": 16 * 1024,
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def bounds(self, topic: str, partition: int) -> Bounds:
        """The first offset kept and the offset after the last committed record."""
        try:
            return bounds(self._consumer, topic, partition, self._timeout)
        except KafkaException as error:
            raise self._explained(topic, error) from error

    def at(self, topic: str, partition: int, offset: int) -> Message | None:
        """The record at an offset; None where there is none, or none any more."""
        found = self.bounds(topic, partition)
        if not found.low <= offset < found.high:
            return None
        first = next(self.read(topic, partition, offset, offset + 1), None)
        return first if first is not None and first.offset() == offset else None

    def offset_at(self, topic: str, partition: int, moment_ms: int) -> int:
        """The offset of the first record of that moment or later; the end where there is none."""
        try:
            found = at_time(self._consumer, topic, partition, moment_ms, self._timeout)
        except KafkaException as error:
            raise self._explained(topic, error) from error
        return self.bounds(topic, partition).high if found is None else found

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
        """The records from `start` on that stand before `end` or before the log's own end."""
        self._consumer.assign([TopicPartition(topic, partition, start)])
        deadline = time.monotonic() + self._timeout
        while True:
            left = deadline - time.monotonic()
            message = self._consumer.poll(max(left, 0.0))
            if message is None:
                raise RecordsError(
                    f"Kafka at {self._address} did not show {topic}[{partition}] from {start}"
                    f" within {self._timeout:g} s"
                )
            error = message.error()
            if error is not None:
                if error.code() in _ENDS:
                    return
                if error.fatal() or not error.retriable():
                    raise self._explained(topic, KafkaException(error))
                continue
            offset = message.offset() or 0
            if offset < end:
                yield message
            if offset >= end - 1:
                return
            deadline = time.monotonic() + self._timeout

    def _explained(self, topic: str, error: KafkaException) -> RecordsError:
        told: Any = error.args[0]
        return RecordsError(f"Kafka at {self._address}, {topic}: {told.str()}; {unreached.ABSENT}")
