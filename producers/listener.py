"""The ear of a client: reads the committed results of the partitions it sends to."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from producers.bounds import bounds
from producers.failure import ClientError
from producers.headers import headers_of
from producers.sender import DEAF_MS
from schemas import results
from schemas.results import AnyResult
from schemas.settings import Settings

BATCH: Final = 500
"""Most records taken from librdkafka at once: a result is some 500 bytes."""

IDLE_SECONDS: Final = 0.05
"""How long a poll waits for a record, and so how long a new partition waits to be heard."""

_log: Final = logging.getLogger(__name__)


def consumer_settings(settings: Settings) -> dict[str, Any]:
    """What a consumer is given that reads committed records of assigned partitions, in no group."""
    return {
        **settings.kafka_client(),
        "group.id": f"{settings.application}-unused",  # required, never joined
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",  # rather see a result again than miss one
        "socket.timeout.ms": DEAF_MS,
        "fetch.wait.max.ms": 500,  # the broker answers at once when there is something
        "fetch.error.backoff.ms": 50,
        "queued.max.messages.kbytes": 16 * 1024,
        "log_level": 2,  # what goes wrong is told by ClientError, not by lines on stderr
    }


class Listener:
    """Hands every result that `expects` knows by id to `answered`, from a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        expects: Callable[[str], bool],
        answered: Callable[[AnyResult], None],
    ) -> None:
        self._topic = settings.topics.results.name
        self._timeout = settings.kafka_timeout
        self._expects = expects
        self._answered = answered
        self._consumer = Consumer(consumer_settings(settings))
        self._heard: set[int] = set()
        self._asked: queue.SimpleQueue[tuple[int, Future[None]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="results", daemon=True)
        self._thread.start()

    def hear(self, partition: int) -> None:
        """Listen to this partition from its present end on; call it before a command is sent.

        Raises ClientError when the broker does not say where the end is.
        """
        if partition in self._heard:
            return
        with self._lock:
            if partition in self._heard:
                return
            heard: Future[None] = Future()
            self._asked.put((partition, heard))
            try:
                heard.result(self._timeout + IDLE_SECONDS)
            except (KafkaException, TimeoutError) as error:
                why = error.args[0].str() if error.args else f"no answer in {self._timeout:g} s"
                raise ClientError(
                    f"cannot listen to {self._topic}[{partition}]: {why};"
                    " is the topic there? `wallet topics apply` makes it"
                ) from error

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join(self._timeout)
        self._consumer.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._serve()
            first = self._consumer.poll(IDLE_SECONDS) if self._heard else None
            if first is None:
                continue
            # One poll that wakes at the first record, then what else is here: consume() with a
            # timeout would wait for a full batch.
            for record in [first, *self._consumer.consume(BATCH, timeout=0)]:
                self._take(record)

    def _serve(self) -> None:
        """Begin to listen where somebody asks.

        Only this thread touches the consumer: a poll holds its lock, and another thread that
        calls it waits for ever (confluent-kafka 2.16).
        """
        try:
            partition, heard = self._asked.get(block=not self._heard, timeout=IDLE_SECONDS)
        except queue.Empty:
            return
        try:
            end = bounds(self._consumer, self._topic, partition, self._timeout).high
            self._consumer.incremental_assign([TopicPartition(self._topic, partition, end)])
            self._heard.add(partition)
            heard.set_result(None)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            heard.set_exception(error)

    def _take(self, record: Message) -> None:
        error = record.error()
        if error is not None:
            _log.debug("results: %s", error)  # librdkafka goes on trying
            return
        asked = dict(headers_of(record) or ()).get("ce_causationid")
        if isinstance(asked, bytes) and not self._expects(asked.decode(errors="replace")):
            return
        try:
            result = results.decode(record.value() or b"")
        except msgspec.DecodeError as wrong:
            _log.warning("%s[%s]: no result: %s", self._topic, record.partition(), wrong)
            return
        if self._expects(result.command.id):
            self._answered(result)
