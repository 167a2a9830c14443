"""The watch: a client that reads committed results as they come, and notes when it hears nothing.

What it sees is what a user would see: results of aborted or unfinished transactions do not count.
"""

import threading
import time
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition

from producers.bounds import bounds
from producers.listener import consumer_settings
from schemas.settings import Settings
from wallet.torture.silence import Silence

BATCH: Final = 1000
POLL_SECONDS: Final = 0.05
DEAF_SECONDS: Final = 3.0
"""After so long without a word the consumer is made anew: one that has seen its broker die may
name the old leader's epoch for ever (librdkafka 2.16)."""
START_SECONDS: Final = 30.0


class Watch(threading.Thread):
    """Follows the results topic from its present end on."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="watch", daemon=True)
        self._settings = settings
        self._topic = settings.topics.results.name
        self._positions: dict[int, int] = {}
        self._ended = threading.Event()
        self._consumer = self._make()
        for partition in range(settings.partitions):
            at = bounds(self._consumer, self._topic, partition, START_SECONDS).high
            self._positions[partition] = at
        self._assign()
        self.silence: Final = Silence(settings.partitions, time.monotonic())
        self.results = 0
        """Results heard so far."""

    def last_heard(self, partition: int) -> float:
        """The monotonic moment at which a partition's last result could be read."""
        return self.silence.last(partition)

    def run(self) -> None:
        """Read until ended."""
        heard = time.monotonic()
        while not self._ended.is_set():
            first = self._consumer.poll(POLL_SECONDS)
            if first is not None:
                now = time.monotonic()
                for message in [first, *self._consumer.consume(BATCH, 0)]:
                    heard = now if self._take(message, now) else heard
            if time.monotonic() - heard > DEAF_SECONDS:
                self._consumer.close()
                self._consumer = self._make()
                self._assign()
                heard = time.monotonic()
        self._consumer.close()

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()
        self.join(10)

    def _take(self, message: Message, now: float) -> bool:
        partition, offset = message.partition(), message.offset()
        if message.error() is not None or partition is None or offset is None:
            return False  # librdkafka goes on trying
        self._positions[partition] = offset + 1
        self.silence.heard(partition, now)
        self.results += 1
        return True

    def _make(self) -> Consumer:
        often = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200}
        return Consumer({**consumer_settings(self._settings), **often, "log_level": 0})

    def _assign(self) -> None:
        places = [TopicPartition(self._topic, p, at) for p, at in self._positions.items()]
        self._consumer.assign(places)
