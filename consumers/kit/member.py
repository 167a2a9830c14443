"""A member of a consumer group: the partitions of a topic that are ours, and their records.

Where a partition begins is its owner's to say: at its end, at an offset of the group, or at what a
table knows. All consumers of this house follow their topics this way.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.measures import Behind
from producers.sender import DEAF_MS
from schemas.settings import Settings
from schemas.topics import Topic

BATCH: Final = 2000
"""Most records of one poll; some 500 bytes each."""

SLICE_SECONDS: Final = 0.1
"""A poll looks up so often: partitions that came and signals are not left waiting for a record."""

POLL_LIMIT_SECONDS: Final = 60
"""Who does not poll for so long is out of the group, and others take its partitions."""

_TOLD: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)
"""What does not pass by itself."""

_ENDS: Final = frozenset(
    {
        KafkaError._FATAL,  # noqa: SLF001 - its spelling
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - its spelling
    }
)
"""What ends a member: its slot is another's, or the log was cut where it may not be."""

log: Final = structlog.get_logger(__name__)


class Owner(Protocol):
    """Whose partitions they are. All is called inside poll() and close(), in the caller's thread.

    What it raises comes out there.
    """

    def begin(self, consumer: Consumer, partitions: list[int]) -> Mapping[int, int]:
        """The offset at which each of these new partitions begins."""
        ...

    def gained(self, partitions: list[int]) -> None:
        """They are ours, and no record of them was given yet."""
        ...

    def leaving(self, partitions: list[int]) -> None:
        """They will be others' when this returns."""
        ...

    def lost(self, partitions: list[int]) -> None:
        """They are others' already."""
        ...


class Member:
    """Members of one group share the partitions of a topic.

    `slot` is a fixed name of this member: started again within six seconds it has its partitions
    at once. A member without one leaves them to the others when it closes; one that is killed is
    missed after six seconds. `changes` are settings of the client that differ from the usual.
    """

    def __init__(  # noqa: PLR0913 - who, what and for whom
        self,
        settings: Settings,
        topic: Topic,
        group: str,
        owner: Owner,
        *,
        slot: str | None = None,
        batch: int = BATCH,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self._topic = topic.name
        self._owner = owner
        self._batch = batch
        self._moved = False
        self._told: set[int] = set()
        self._behind = Behind(topic.name)
        self.partitions: set[int] = set()
        """The partitions that are ours now."""
        given = {**_consumer_settings(settings, group, slot), **(changes or {})}
        self.consumer = Consumer(given)
        self.consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._gone
        )

    def poll(self, timeout: float) -> list[Message]:
        """The records since the last poll, in the order of each partition, none with an error.

        Waits `timeout` seconds at most, less when partitions came or went. Raises KafkaException
        when this member can not go on, as one whose slot was taken over by another process.
        """
        deadline = time.monotonic() + timeout
        self._moved = False
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            first = self.consumer.poll(min(left, SLICE_SECONDS))
            if first is not None:
                # One poll that wakes at the first record, then what else is here: consume() with
                # a timeout would wait for a full batch.
                found = self._usable([first, *self.consumer.consume(self._batch - 1, timeout=0)])
                self._behind.note(self.consumer, self.partitions, len(found))
                return found
            if self._moved or left <= SLICE_SECONDS:
                self._behind.note(self.consumer, self.partitions, 0)
                return []

    def seek(self, partition: int, offset: int) -> None:
        """Go on with a partition of ours at another place."""
        self.consumer.seek(TopicPartition(self._topic, partition, offset))

    def close(self) -> None:
        """Leave the group; the owner hears that partitions that are ours are leaving."""
        self.consumer.close()

    def _usable(self, records: list[Message]) -> list[Message]:
        found = []
        for record in records:
            error = record.error()
            if error is None:
                found.append(record)
            elif error.fatal() or error.code() in _ENDS:
                raise KafkaException(error)
            else:
                self._tell(error)
        # Partitions may have gone while the batch was read.
        return [record for record in found if record.partition() in self.partitions]

    def _tell(self, error: KafkaError) -> None:
        """Log trouble that passes; what a person must see to only once."""
        if error.code() not in _TOLD:
            log.debug("trouble on the way", topic=self._topic, why=error.str())
        elif error.code() not in self._told:
            self._told.add(error.code())
            log.warning("Kafka refuses, waiting", topic=self._topic, why=error.str())

    def _assigned(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        self._moved = True
        numbers = sorted(place.partition for place in given)
        begin = self._owner.begin(consumer, numbers) if numbers else {}
        consumer.incremental_assign(
            [TopicPartition(self._topic, number, begin[number]) for number in numbers]
        )
        self.partitions.update(numbers)
        if numbers:
            log.info("partitions gained", topic=self._topic, partitions=numbers)
            self._owner.gained(numbers)

    def _revoked(self, consumer: Consumer, taken: list[TopicPartition]) -> None:
        numbers = sorted(place.partition for place in taken)
        if numbers:
            self._owner.leaving(numbers)
        self._take_away(consumer, taken, numbers)

    def _gone(self, consumer: Consumer, taken: list[TopicPartition]) -> None:
        numbers = sorted(place.partition for place in taken)
        self._take_away(consumer, taken, numbers)
        if numbers:
            self._owner.lost(numbers)

    def _take_away(
        self, consumer: Consumer, taken: list[TopicPartition], numbers: list[int]
    ) -> None:
        self._moved = True
        consumer.incremental_unassign(taken)
        self.partitions.difference_update(numbers)
        self._behind.forget(numbers)
        if numbers:
            log.info("partitions lost", topic=self._topic, partitions=numbers)


def _consumer_settings(settings: Settings, group: str, slot: str | None) -> dict[str, Any]:
    name = f"{settings.application}-{group}"
    own = {"group.instance.id": f"{name}-{slot}"} if slot else {}
    return {
        **settings.kafka_client(),
        **own,
        "group.id": name,
        # Who keeps a partition through a rebalance goes on with it, without a pause.
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 6_000,  # the broker's floor
        "heartbeat.interval.ms": 1_000,
        "max.poll.interval.ms": POLL_LIMIT_SECONDS * 1000,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "socket.timeout.ms": DEAF_MS,
        "fetch.wait.max.ms": 500,  # the broker answers at once when there is something
        "fetch.error.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "queued.max.messages.kbytes": 16 * 1024,
        "log_level": 2,  # librdkafka goes on trying, and says so on every line
    }
