"""The ear of all who follow: one consumer a process, in a thread of its own.

It reads committed events and results of the partitions that somebody wants, from the end they had
when they were wanted first. Where nobody follows, its thread waits and it reads nothing.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from producers.bounds import bounds
from producers.http.live.changes import Told, of_event, of_rejection
from producers.listener import consumer_settings
from schemas import events, results
from schemas.settings import Settings

BATCH: Final = 500
"""Most records taken at once."""

POLL_SECONDS: Final = 0.2
"""How long a poll waits for a record, and so how long a newly wanted partition waits."""

BOUNDS_SECONDS: Final = 3.0
STOP_SECONDS: Final = 5.0

log: Final = structlog.get_logger(__name__)


class Ear:
    """Hands what concerns wallets that `wants` names to `tell`, some at a time, from its thread."""

    def __init__(
        self,
        settings: Settings,
        wants: Callable[[str], bool],
        tell: Callable[[list[Told]], None],
    ) -> None:
        self._settings = settings
        self._topics = (settings.topics.events.name, settings.topics.results.name)
        self._wants = wants
        self._tell = tell
        self._asked: queue.SimpleQueue[tuple[frozenset[int], Future[None]] | None]
        self._asked = queue.SimpleQueue()
        self._heard: frozenset[int] = frozenset()
        self._consumer: Consumer | None = None
        self._thread: threading.Thread | None = None

    def hear(self, partitions: frozenset[int]) -> Future[None]:
        """Read these partitions from now on, and no others; done once it is so.

        The future's exception is a KafkaException where the broker does not say where they end.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="live", daemon=True)
            self._thread.start()
        heard: Future[None] = Future()
        self._asked.put((partitions, heard))
        return heard

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                asked = self._asked.get(block=not self._heard)
            except queue.Empty:
                self._listen()
                continue
            if asked is None:
                break
            self._turn(*asked)
        if self._consumer is not None:
            self._consumer.close()

    def _turn(self, wanted: frozenset[int], heard: "Future[None]") -> None:
        """Begin with what is wanted anew, end with what is not wanted any more.

        Whoever asked may have given up: before its turn, which is then nobody's, but not within
        it, where the future could be told nothing any more and the thread would end of that.
        """
        if not heard.set_running_or_notify_cancel():
            return
        try:
            if self._consumer is None:
                self._consumer = Consumer(consumer_settings(self._settings))
            starts = [self._start(name, p) for name in self._topics for p in wanted - self._heard]
            ends = [TopicPartition(name, p) for name in self._topics for p in self._heard - wanted]
            if starts:
                self._consumer.incremental_assign(starts)
            if ends:
                self._consumer.incremental_unassign(ends)
            self._heard = wanted
            heard.set_result(None)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            heard.set_exception(error)

    def _start(self, topic: str, partition: int) -> TopicPartition:
        assert self._consumer is not None, "made before"
        end = bounds(self._consumer, topic, partition, BOUNDS_SECONDS).high
        return TopicPartition(topic, partition, end)

    def _listen(self) -> None:
        assert self._consumer is not None, "something is heard"
        try:
            first = self._consumer.poll(POLL_SECONDS)
            if first is None:
                return
            records = [first, *self._consumer.consume(BATCH, timeout=0)]
        except KafkaException as error:
            log.warning("the live consumer stumbles", error=str(error))
            return
        told = [each for record in records if (each := self._told(record))]
        if told:
            self._tell(told)

    def _told(self, record: Message) -> Told | None:
        """What a record has to tell; None where nobody wants it."""
        key, value = record.key(), record.value()
        if record.error() is not None or not isinstance(key, bytes) or value is None:
            return None
        if not self._wants(key.decode(errors="replace")):
            return None
        try:
            if record.topic() == self._topics[0]:
                return of_event(events.decode(value))
            result = results.decode(value)
        except Exception as wrong:  # noqa: BLE001 - one record of a kind to come deafens nobody
            log.warning("a record that cannot be told", topic=record.topic(), error=repr(wrong))
            return None
        return of_rejection(result) if result.status == "rejected" else None
