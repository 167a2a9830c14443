"""The last committed record of a partition: what the log says was published.

Reads with read_committed. Transaction markers and aborted records take offsets but are not
delivered, so the last record may stand some way before the end: look back in growing steps.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.bounds import bounds
from schemas.settings import Settings

FIRST_STEP: Final = 16
GROWTH: Final = 4


class Tail(NamedTuple):
    """The end of a partition. `value` is the wanted header of its last record, None without one."""

    low: int
    high: int
    value: bytes | None


class TailTimeoutError(Exception):
    """The broker did not show the end of a partition in time."""


class Tails:
    """Reads ends of partitions. One consumer without a group; use as a context manager."""

    def __init__(self, settings: Settings, make: Callable[..., Consumer] = Consumer) -> None:
        self._timeout = settings.kafka_timeout
        self._consumer = make(
            {
                **settings.kafka_client(),
                "group.id": f"{settings.application}-tails",  # never joined, never committed
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 10,
                "log_level": 2,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset kept and the offset after the last."""
        return bounds(self._consumer, topic, partition, self._timeout)

    def last(self, topic: str, partition: int, header: str) -> Tail:
        """The end of a partition, with one header of its last committed record."""
        low, high = self.bounds(topic, partition)
        end, step = high, FIRST_STEP
        while end > low:
            start = max(low, end - step)
            message = self._last_from(topic, partition, start)
            if message is not None:
                return Tail(low, high, _header(message, header))
            end, step = start, step * GROWTH
        return Tail(low, high, None)

    def _last_from(self, topic: str, partition: int, start: int) -> Message | None:
        """The last record from `start` to the end, None where there are only markers."""
        self._consumer.assign([TopicPartition(topic, partition, start)])
        last: Message | None = None
        while True:
            message = self._consumer.poll(self._timeout)
            if message is None:
                raise TailTimeoutError(f"{topic}[{partition}] from {start}: no answer")
            error = message.error()
            if error is None:
                last = message
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - there is no public name for it
                return last
            else:
                raise KafkaException(error)


def _header(message: Message, name: str) -> bytes | None:
    headers = message.headers()
    found = dict(headers).get(name) if headers else None
    return found if isinstance(found, bytes) else None
