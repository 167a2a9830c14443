"""How far the ledger is behind its commands topic: the log's end minus the next offset."""

from typing import Final

import msgspec
import psycopg2
from confluent_kafka import Consumer, KafkaException, TopicPartition

from producers import answering
from producers.failure import one_line
from schemas.settings import Settings

ANSWER_SECONDS: Final = 2.0


class PartitionLag(msgspec.Struct, frozen=True):
    """One partition of the commands topic; offsets are those of the next record."""

    topic: str
    partition: int
    epoch: int
    next_offset: int
    log_end: int

    @property
    def lag(self) -> int:
        """How many commands wait."""
        return max(0, self.log_end - self.next_offset)


class LagUnknownError(Exception):
    """Kafka or the database did not say; the text is one line."""


class LagReader:
    """Reads the lag with a Kafka client of its own; every call takes a few seconds at most."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topics.commands
        self._consumer: Consumer | None = None

    def read(self) -> tuple[PartitionLag, ...]:
        """Read both sides.

        Raises:
            LagUnknownError: one of them does not answer.

        """
        rows, ends = self.progress(), self._log_ends()
        return tuple(
            PartitionLag(self._topic.name, partition, *rows.get(partition, (0, 0)), end)
            for partition, end in sorted(ends.items())
        )

    def progress(self) -> dict[int, tuple[int, int]]:
        """Give (epoch, next offset) of every partition that was ever claimed.

        Raises:
            LagUnknownError: the database does not answer.

        """
        try:
            connection = answering.connect(
                int(ANSWER_SECONDS * 1000),
                dsn=self._settings.database_url,
                connect_timeout=int(ANSWER_SECONDS),
                options=f"-c statement_timeout={int(ANSWER_SECONDS * 1000)}",
                application_name="wallet status",
            )
            try:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT partition, epoch, next_offset FROM partitions WHERE topic = %s",
                        (self._topic.name,),
                    )
                    return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
            finally:
                connection.close()
        except psycopg2.Error as error:
            raise LagUnknownError(f"PostgreSQL: {one_line(error)}") from None

    def _log_ends(self) -> dict[int, int]:
        self._consumer = consumer = self._consumer or _consumer(self._settings)
        name, partitions = self._topic.name, range(self._topic.partitions)
        try:
            return {
                partition: consumer.get_watermark_offsets(
                    TopicPartition(name, partition), timeout=ANSWER_SECONDS
                )[1]
                for partition in partitions
            }
        except KafkaException as error:
            # Once a broker was killed and came back, a client would for ever name the leader
            # epoch it knew before (FENCED_LEADER_EPOCH, librdkafka 2.16); a new one does not.
            self._consumer = None
            raise LagUnknownError(f"Kafka: {error.args[0].str()}") from None


def _consumer(settings: Settings) -> Consumer:
    """A consumer that only asks for ends.

    AdminClient.list_offsets, when it has just been made, at times answers nothing for seconds
    ("Failed to query partition leaders").
    """
    return Consumer(
        {
            **settings.kafka_client(),
            "group.id": f"{settings.application}-status",  # required, never joined
            "enable.auto.commit": False,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
    )
