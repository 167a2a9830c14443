"""The publisher: one Kafka transaction a batch (step 7 of the commit protocol, DESIGN.md 3).

A publisher belongs to one claim. After any error it is never used again: librdkafka lacks
KIP-890's epoch for each transaction, so a late EndTxn could hit a later one (FAULTS.md).
"""

from collections.abc import Callable, Iterable
from typing import Final

from confluent_kafka import Producer

from schemas.settings import Settings
from schemas.topics import MAX_DEAD_LETTER_BYTES
from streams import faults
from streams.rendering import Message
from streams.rows import Place

TRANSACTION_TIMEOUT_MS: Final = 10_000
"""A dead owner's open transaction hides results no longer than this; a claim ends it sooner."""

CONNECTING: Final = 10
"""Questions to the broker until one is answered by a node that stays; mostly it is the second."""


class Publisher:
    """The transactional producer of one partition, made by a claim.

    Making it only connects; `fence` shuts the last producer of the partition out. All methods
    raise confluent_kafka.KafkaException when the broker refuses or does not answer in time.
    """

    def __init__(
        self, settings: Settings, place: Place, make: Callable[..., Producer] = Producer
    ) -> None:
        self._partition = place.partition
        self._topics = settings.topics
        self._timeout = settings.kafka_timeout
        self._producer = make(_configuration(settings, place))
        self._connect()

    def _connect(self) -> None:
        """Have a connection to a node that the cluster has named.

        Without one librdkafka (2.16) looks for the transaction coordinator in vain, the address it
        was given being closed as soon as the nodes are known, and looks again after half a second.
        """
        for _ in range(CONNECTING):
            told = self._producer.list_topics(self._topics.results.name, timeout=self._timeout)
            if told.orig_broker_id >= 0:
                return

    def fence(self) -> None:
        """Shut the last producer of the partition out, and end what it has left open."""
        self._producer.init_transactions(self._timeout)

    def publish(
        self,
        results: Iterable[Message],
        events: Iterable[Message],
        steps: Iterable[Message] = (),
        dead: Iterable[Message] = (),
    ) -> None:
        """Say all of it or nothing. Returns when the transaction is known to be committed."""
        producer, partition = self._producer, self._partition
        producer.begin_transaction()
        topics = self._topics
        for topic, messages in (
            (topics.results.name, results),
            (topics.events.name, events),
            (topics.scheduled.name, steps),
            (topics.dead_letters.name, dead),
        ):
            for message in messages:
                producer.produce(
                    topic, message.body, message.about, partition, headers=message.headers
                )
        if faults.armed():
            producer.flush(self._timeout)
            faults.reached("before-kafka-commit")
        producer.commit_transaction(self._timeout)
        faults.reached("after-kafka-commit")


def _configuration(settings: Settings, place: Place) -> dict[str, str | int | float | bool]:
    return {
        **settings.kafka_client(),
        "transactional.id": f"{settings.application}-{place.topic}-{place.partition}",
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "acks": "all",
        # A commit sends at once whatever waits; until then messages gather to fewer requests.
        "linger.ms": 5,
        "compression.type": "lz4",
        # A batch and its events: 2,000 commands, as many transfers' events from elsewhere.
        "queue.buffering.max.messages": 1_000_000,
        # The default of 100 ms is paid whenever the next transaction begins before the markers of
        # the last one are written (DESIGN.md 3).
        "retry.backoff.ms": 2,
        "retry.backoff.max.ms": 20,
        "socket.nagle.disable": True,
        # A dead letter is as large as the record it carries; librdkafka's own limit is less.
        "message.max.bytes": MAX_DEAD_LETTER_BYTES,
        "log_level": 2,
    }
