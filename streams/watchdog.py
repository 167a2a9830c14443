"""The watchdog: ends a worker whose partitions have commands waiting and do not move (F14).

Faust's own detectors only log, and a fetch that has died looks like silence: so the end of the
log is asked for here, apart from everything else in the process.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaException

from schemas.settings import Settings
from streams.lanes import Lane
from streams.tails import Tails

log: Final = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0


class Stillness:
    """Since when each partition has had commands waiting at the same offset."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[int, float]] = {}

    def note(self, partition: int, next_offset: int, end: int, now: float) -> float:
        """How long, in seconds, the partition has stood still with work; 0 if it has none."""
        stood = self._since.get(partition)
        if end <= next_offset:
            self._since.pop(partition, None)
            return 0.0
        if stood is None or stood[0] != next_offset:
            self._since[partition] = (next_offset, now)
            return 0.0
        return now - stood[1]


class Watchdog(threading.Thread):
    """Looks every two seconds, from a thread and with a consumer of its own."""

    def __init__(
        self,
        settings: Settings,
        lanes: Callable[[], list[Lane]],
        crash: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._settings = settings
        self._lanes = lanes
        self._crash = crash
        self._still = Stillness()
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until ended. A broker that does not answer explains why nothing moves."""
        while not self._ended.is_set():
            try:
                with Tails(self._settings) as tails:
                    while not self._ended.wait(LOOK_SECONDS):
                        self._look(tails)
            except KafkaException as error:
                log.warning("the watchdog cannot see the log", error=str(error))
                self._still = Stillness()
                self._ended.wait(LOOK_SECONDS)

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def _look(self, tails: Tails) -> None:
        topic = self._settings.topics.commands.name
        for lane in self._lanes():
            partition, offset = lane.place.partition, lane.next_offset
            _, end = tails.bounds(topic, partition)
            stood = self._still.note(partition, offset, end, time.monotonic())
            if stood > self._settings.watchdog_timeout:
                why = f"partition {partition} has stood at {offset} of {end} for {stood:.0f} s"
                self._crash("no progress", TimeoutError(why))
