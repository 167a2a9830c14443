"""The partitions of a topic that this process owns within its group, each followed from its end.

No offset is kept. Whoever gains a partition has its state in PostgreSQL, and loads it from there
after the end was fixed: so between the state and the records that follow there is no hole.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.bounds import bounds
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

Told = Callable[[list[int]], None]
"""Takes partition numbers, sorted, never none."""

log: Final = structlog.get_logger(__name__)


class Owned:
    """Members of one group share the partitions of a topic; each reads its own from their end.

    `gained` is called once the ends of new partitions are fixed and before a record of them is
    given: here the state is loaded. `lost` is called when they are others'. Both run inside
    poll() and close(), in the caller's thread, and what they raise comes out there.

    `slot` is a fixed name of this member: started again within six seconds it has its partitions
    at once. A member without one leaves them to the others when it closes; one that is killed is
    missed after six seconds.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        group: str,
        gained: Told,
        lost: Told,
        *,
        slot: str | None = None,
    ) -> None:
        self._topic = topic.name
        self._timeout = settings.kafka_timeout
        self._gained = gained
        self._lost = lost
        self._moved = False
        self._told: set[int] = set()
        self.partitions: set[int] = set()
        """The partitions that are ours now."""
        self._consumer = Consumer(_consumer_settings(settings, group, slot))
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
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
            first = self._consumer.poll(min(left, SLICE_SECONDS))
            if first is not None:
                # One poll that wakes at the first record, then what else is here: consume() with
                # a timeout would wait for a full batch.
                return self._usable([first, *self._consumer.consume(BATCH, timeout=0)])
            if self._moved or left <= SLICE_SECONDS:
                return []

    def close(self) -> None:
        """Leave the group; partitions that are ours are told as lost."""
        self._consumer.close()

    def _usable(self, records: list[Message]) -> list[Message]:
        found = []
        for record in records:
            error = record.error()
            if error is None:
                found.append(record)
            elif error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - its spelling
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
        for place in given:
            place.offset = bounds(consumer, self._topic, place.partition, self._timeout).high
        consumer.incremental_assign(given)
        numbers = sorted(place.partition for place in given)
        self.partitions.update(numbers)
        if numbers:
            log.info("partitions gained", topic=self._topic, partitions=numbers)
            self._gained(numbers)

    def _revoked(self, consumer: Consumer, taken: list[TopicPartition]) -> None:
        self._moved = True
        consumer.incremental_unassign(taken)
        numbers = sorted(place.partition for place in taken)
        self.partitions.difference_update(numbers)
        if numbers:
            log.info("partitions lost", topic=self._topic, partitions=numbers)
            self._lost(numbers)


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
        # Only where the log was cut under our feet: what we missed is in PostgreSQL.
        "auto.offset.reset": "latest",
        "topic.metadata.refresh.interval.ms": 5_000,  # so soon a topic that is made late is found
        "fetch.wait.max.ms": 500,  # the broker answers at once when there is something
        "fetch.error.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "queued.max.messages.kbytes": 16 * 1024,
        "log_level": 2,  # librdkafka goes on trying, and says so on every line
    }
