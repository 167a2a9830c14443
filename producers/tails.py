"""The last committed record of a partition: what the log says was published.

Reads with read_committed. Transaction markers and aborted records take offsets but are not
delivered, so the last record may stand some way before the end: look back in growing steps.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.bounds import bounds
from schemas.settings import Settings

FIRST_STEP: Final = 16
GROWTH: Final = 4

_NOTHING_THERE: Final = (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET)  # noqa: SLF001 - there are no public names
"""Not yet, and no more: retention may take a record while it is looked for."""


class Tail(NamedTuple):
    """The end of a partition. `value` is the wanted header of its last record, None without one."""

    low: int
    high: int
    value: bytes | None


class TailTimeoutError(Exception):
    """The broker did not show the end of a partition in time."""


class Tails:
    """Reads ends of partitions; use as a context manager.

    `group` is one whose rights the process has; it is never joined, and nothing is committed.
    """

    def __init__(
        self, settings: Settings, make: Callable[..., Consumer] = Consumer, *, group: str = "tails"
    ) -> None:
        self._timeout = settings.kafka_timeout
        self._consumer = make(
            {
                **settings.kafka_client(),
                "group.id": f"{settings.application}-{group}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 1,  # an end is told when a fetch has come back empty
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

    def get_ready(self, partition: int, topics: Iterable[str], commands: str) -> None:
        """Connect, and learn who leads: `last` and `at` would each wait for that for 0.9 s."""
        self._consumer.list_topics(commands, timeout=self._timeout)
        for topic in topics:
            self.bounds(topic, partition)

    def last(
        self, partition: int, headers: Mapping[str, str], ends: Mapping[str, tuple[int, int]]
    ) -> dict[str, Tail]:
        """The ends of topics on a partition; of each one header of its last committed record.

        `ends` are the bounds of all of them, by topic.
        """
        found = self.newest(partition, {topic: ends[topic] for topic in headers})
        return {
            topic: Tail(*ends[topic], _header(found.get(topic), header))
            for topic, header in headers.items()
        }

    def newest(
        self,
        partition: int,
        ends: Mapping[str, tuple[int, int]],
        fits: Callable[[Message], bool] = lambda _: True,
    ) -> dict[str, Message]:
        """The last committed record of each topic that fits; none of a topic without such a one.

        `ends` are the bounds of the topics.
        """
        found: dict[str, Message] = {}
        looking = {topic: high for topic, (low, high) in ends.items() if high > low}
        step = FIRST_STEP
        while looking:
            starts = {topic: max(ends[topic][0], end - step) for topic, end in looking.items()}
            found |= self._last_from(partition, starts, ends, fits)
            looking = {
                topic: start
                for topic, start in starts.items()
                if topic not in found and start > ends[topic][0]
            }
            step *= GROWTH
        return found

    def at(self, topic: str, partition: int, offset: int) -> Message | None:
        """The record at an offset; None where readers of committed records find none there."""
        self._consumer.assign([TopicPartition(topic, partition, offset)])
        message = self._consumer.poll(self._timeout)
        if message is None:
            raise TailTimeoutError(f"{topic}[{partition}]: no answer")
        error = message.error()
        if error is None:
            return message if message.offset() == offset else None
        if error.code() not in _NOTHING_THERE:
            raise KafkaException(error)
        return None

    def _last_from(
        self,
        partition: int,
        starts: Mapping[str, int],
        ends: Mapping[str, tuple[int, int]],
        fits: Callable[[Message], bool],
    ) -> dict[str, Message]:
        """The last fitting record of each topic from its start to its end; none with markers alone.

        All are read at once: the broker holds an empty fetch of one, while others wait. A leader
        that is new tells an end that is behind the old one's, until its followers have fetched.
        """
        self._consumer.assign([TopicPartition(t, partition, at) for t, at in starts.items()])
        last: dict[str, Message] = {}
        unread = set(starts)
        while unread:
            message = self._consumer.poll(self._timeout)
            if message is None:
                raise TailTimeoutError(f"{', '.join(unread)}[{partition}]: no answer")
            error, topic = message.error(), message.topic()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - there is no public name for it
                raise KafkaException(error)
            assert topic is not None, "records and ends of partitions have one"
            if error is None:
                if fits(message):
                    last[topic] = message
            elif (message.offset() or 0) >= ends[topic][1]:
                unread.discard(topic)
        return last


def _header(message: Message | None, name: str) -> bytes | None:
    headers = message.headers() if message is not None else None
    found = dict(headers).get(name) if headers else None
    return found if isinstance(found, bytes) else None
