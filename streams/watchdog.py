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


class Orphans:
    """Since when each assigned partition has had no lane."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def note(self, orphans: set[int], now: float) -> dict[int, float]:
        """How long, in seconds, each of these has had no lane by now."""
        self._since = {partition: self._since.get(partition, now) for partition in orphans}
        return {partition: now - since for partition, since in self._since.items()}


class Watchdog(threading.Thread):
    """Looks every two seconds, from a thread and with a consumer of its own.

    `assigned` gives the partitions that the group has given us: one of them that stays without a
    lane would stand still until the next rebalance. `unheard` gives an error of the group that
    nobody has heard yet: one that stays would keep us out of it.
    """

    def __init__(
        self,
        settings: Settings,
        lanes: Callable[[], list[Lane]],
        crash: Callable[[str, BaseException], None],
        assigned: Callable[[], set[int]] = set,
        unheard: Callable[[], BaseException | None] = lambda: None,
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._settings = settings
        self._lanes = lanes
        self._crash = crash
        self._assigned = assigned
        self._unheard = unheard
        self._error: BaseException | None = None
        self._still = Stillness()
        self._orphans = Orphans()
        self._ended = threading.Event()
        self.ends: dict[int, int] = {}
        """Where the log of each partition ended when it was looked at last."""

    def run(self) -> None:
        """Look until ended. A broker that does not answer explains why nothing moves."""
        while not self._ended.is_set():
            try:
                with Tails(self._settings) as tails:
                    while not self._ended.wait(LOOK_SECONDS):
                        self._look(tails)
            except KafkaException as error:
                log.warning("the watchdog cannot see the log", error=str(error))
                self._still, self._orphans = Stillness(), Orphans()
                self._ended.wait(LOOK_SECONDS)

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def _look(self, tails: Tails) -> None:
        self._look_for_errors()
        topic = self._settings.topics.commands.name
        lanes = self._lanes()
        self._look_for_orphans(tails, self._assigned() - {lane.place.partition for lane in lanes})
        for lane in lanes:
            partition, offset = lane.place.partition, lane.next_offset
            _, end = tails.bounds(topic, partition)
            self.ends[partition] = end
            stood = self._still.note(partition, offset, end, time.monotonic())
            if stood > self._settings.watchdog_timeout:
                why = f"partition {partition} has stood at {offset} of {end} for {stood:.0f} s"
                self._crash("no progress", TimeoutError(why))

    def _look_for_errors(self) -> None:
        """The group's broker had a full disk: its answer ended a worker's part in it for good."""
        last, self._error = self._error, self._unheard()
        if last is not None and last is self._error:
            self._crash("the group has refused us, and nobody hears it", last)

    def _look_for_orphans(self, tails: Tails, orphans: set[int]) -> None:
        """A claim takes seconds; what is assigned and still not held was given up by mistake.

        The broker is asked for each, so that its own silence is not taken for ours.
        """
        for partition, alone in self._orphans.note(orphans, time.monotonic()).items():
            _, end = tails.bounds(self._settings.topics.commands.name, partition)
            if alone > self._settings.watchdog_timeout:
                why = f"partition {partition}, with {end} commands, is ours but not held"
                self._crash("no progress", TimeoutError(f"{why} for {alone:.0f} s"))
