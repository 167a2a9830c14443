"""Publishes balances together with how far the events were read: one Kafka transaction."""

from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import Producer, TopicPartition

from consumers.balances.newest import Balance
from producers.hanging import end
from schemas.settings import Settings

TRANSACTION_SECONDS: Final = 15.0
"""After so long the broker ends a transaction that its owner has left open.

As streams.hanging: longer than a cluster needs to miss a broker that was killed.
"""


class Publisher:
    """The transactional producer of one slot. Methods raise KafkaException or BufferError.

    After any error it is of no use: only a new one knows what was committed.
    """

    def __init__(self, settings: Settings, slot: str, group: str) -> None:
        self._topic = settings.topics.balances.name
        self._timeout = settings.kafka_timeout
        self._producer = Producer(_producer_settings(settings, slot))
        self._end_what_hangs(settings, _transactional_id(settings, slot), group)
        # Shuts out whoever had our slot, and ends what it has left open.
        self._producer.init_transactions(self._timeout)

    def _end_what_hangs(self, settings: Settings, name: str, group: str) -> None:
        """Abort what Kafka may have forgotten of our last life (producers.hanging).

        A group whose offsets hang tells nobody where it is. They may hang apart from the records
        that they were said with, so they are never committed: to publish again does no harm.
        """
        found = self._producer.list_topics(self._topic, self._timeout).topics[self._topic]
        places = [(self._topic, partition) for partition in found.partitions]
        end(settings, name, places, commits=False, group=group)

    def publish(
        self,
        records: Iterable[Balance],
        offsets: list[TopicPartition],
        member: Any,  # noqa: ANN401 - confluent-kafka's metadata of a group has no type
    ) -> None:
        """Publish records, and commit the offsets of a group's member with them.

        The broker refuses all of it where the member has lost its partitions meanwhile.
        """
        producer = self._producer
        producer.begin_transaction()
        for record in records:
            producer.produce(
                self._topic,
                record.value,
                record.key,
                record.partition,
                headers=list(record.headers),
            )
            producer.poll(0)
        producer.send_offsets_to_transaction(offsets, member, self._timeout)
        producer.commit_transaction(self._timeout)


def _transactional_id(settings: Settings, slot: str) -> str:
    return f"{settings.application}-balances-{slot}"


def _producer_settings(settings: Settings, slot: str) -> dict[str, Any]:
    return {
        **settings.kafka_client(),
        "transactional.id": _transactional_id(settings, slot),
        "transaction.timeout.ms": int(TRANSACTION_SECONDS * 1000),
        "delivery.timeout.ms": int(TRANSACTION_SECONDS * 1000),
        "compression.type": "lz4",
        "linger.ms": 5,
        # The default of 100 is paid whenever the last transaction's marks are not yet written.
        "retry.backoff.ms": 5,
        "queue.buffering.max.messages": 20_000,
        "log_level": 2,
    }
