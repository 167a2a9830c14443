"""The mouth of a client: an idempotent producer, and the thread that hears its delivery reports."""

import threading
import time
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Record

from producers import unreached
from producers.board import Board, Pending
from producers.failure import ClientError
from schemas import decoding
from schemas.settings import Settings

QUEUED: Final = 20_000
"""Most records that wait in librdkafka; some 600 bytes each."""

QUEUED_KB: Final = 384 * 1024
"""And most KiB: 5,000 commands of 64 KiB, the most that a gateway has open. It is a ceiling only:
the usual 2,000 take 1 MB, and 125 where all are as large as can be."""

DEAF_MS: Final = 10_000
"""How long a broker may say nothing to a request, until another connection is tried: librdkafka's
own 60 s kept withdrawals waiting for 76 behind a connection that was open and passed nothing on.
Not for producers with transactions: an EndTxn must not be sent twice (FAULTS.md)."""


def producer_settings(settings: Settings) -> dict[str, Any]:
    """What the producer of commands is given; for the partitioner see DESIGN.md 2."""
    return {
        **settings.kafka_client(),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 2,
        "socket.timeout.ms": DEAF_MS,
        "request.timeout.ms": DEAF_MS,
        "delivery.timeout.ms": int(settings.kafka_timeout * 1000),
        "queue.buffering.max.messages": QUEUED,
        "queue.buffering.max.kbytes": QUEUED_KB,
        "log_level": 2,  # what goes wrong is told by ClientError, not by lines on stderr
    }


class Sender:
    """Puts records into the commands topic; the board is told where they are."""

    def __init__(self, settings: Settings, board: Board) -> None:
        self._settings = settings
        self._bootstrap = settings.kafka_bootstrap
        self._timeout = settings.kafka_timeout
        self._topic = settings.topics.commands.name
        self._board = board
        self._room = threading.Event()
        self._stopping = threading.Event()
        self._producer = Producer(producer_settings(settings))
        self.partitions = self._count_partitions()
        self._thread = threading.Thread(target=self._serve, name="deliveries", daemon=True)
        self._thread.start()

    def put(self, pending: Pending, wait: float | None = None) -> None:
        """Queue a record; the board is told its place or its failure later.

        Where there is no room it waits for some, `wait` seconds or `kafka_timeout`. Raises
        ClientError when the producer does not take it.
        """
        try:
            self._produce(pending, self._timeout if wait is None else wait)
        except KafkaException as error:
            raise self._explained(error.args[0]) from error

    def close(self) -> None:
        """Send what is queued, then end."""
        self._producer.flush(self._timeout)
        self._stopping.set()
        self._thread.join(self._timeout)

    def unreachable(self, what: str) -> ClientError:
        """Say that Kafka did not do `what` in time."""
        return ClientError(
            f"Kafka at {self._bootstrap} {what} within {self._timeout:g} s; {unreached.ABSENT}"
        )

    def _count_partitions(self) -> int:
        """The number of partitions of the commands topic; asking says whether Kafka is there."""
        try:
            found = self._producer.list_topics(self._topic, self._timeout)
        except KafkaException as error:
            raise ClientError(
                f"Kafka at {self._bootstrap} does not answer within {self._timeout:g} s:"
                f" {unreached.why(self._settings)}"
            ) from error
        topic = found.topics[self._topic]
        if (told := unreached.refused_name(topic.error)) is not None:
            raise ClientError(f"{self._topic} at {self._bootstrap}: {told}")
        if topic.error is not None or not topic.partitions:
            raise ClientError(
                f"Kafka at {self._bootstrap} has no topic {self._topic};"
                " make the topics with `wallet topics apply`"
            )
        return len(topic.partitions)

    def _produce(self, pending: Pending, wait: float) -> None:
        message = pending.message
        deadline = time.monotonic() + wait
        while True:
            self._room.clear()
            try:
                self._producer.produce(
                    self._topic,
                    value=message.value,
                    key=message.key,
                    headers=message.headers,  # type: ignore[arg-type]
                    on_delivery=partial(self._reported, pending),
                )
            except BufferError:
                # Full: every delivery report makes room.
                if not self._room.wait(max(deadline - time.monotonic(), 0)):
                    raise ClientError(
                        f"so many commands wait until Kafka at {self._bootstrap} takes them"
                        " that there is no room for one more"
                    ) from None
            else:
                return

    def _reported(self, pending: Pending, error: KafkaError | None, record: Record) -> None:
        self._room.set()
        if error is not None:
            self._board.failed(pending, self._explained(error))
            return
        partition, offset = record.partition(), record.offset()
        assert partition is not None
        assert offset is not None
        self._board.delivered(pending, partition, offset)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.1)

    def _explained(self, error: KafkaError) -> ClientError:
        """A producer's error as what to do about it."""
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return ClientError(
                f"the command is too large for Kafka; {decoding.MAX_VALUE_BYTES} bytes are taken"
            )
        if error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT):  # noqa: SLF001
            return self.unreachable("took nothing")
        return ClientError(f"Kafka did not take the command: {error.str()}")
