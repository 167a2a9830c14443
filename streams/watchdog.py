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
from streams.claim import InconsistentError
from streams.ends import BrokerEnds, Ends
from streams.lanes import Lane

log: Final = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0


class Stillness:
    """Since when each partition has had commands waiting at the same offset."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[int, float]] = {}

    def keep(self, partitions: set[int]) -> None:
        """Forget all others: what was given away and comes back begins anew."""
        self._since = {p: since for p, since in self._since.items() if p in partitions}

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
        self._short: set[int] = set()
        self._ended = threading.Event()
        self.ends: dict[int, int] = {}
        """Where the log of each partition ended when it was looked at last."""

    def run(self) -> None:
        """Look until ended. A broker that does not answer explains why nothing moves."""
        while not self._ended.is_set():
            try:
                ends = BrokerEnds(self._settings)
                while not self._ended.wait(LOOK_SECONDS):
                    self._look(ends)
            except KafkaException as error:
                log.warning("the watchdog cannot see the log", error=str(error))
                self._still, self._orphans = Stillness(), Orphans()
                self._ended.wait(LOOK_SECONDS)

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def _look(self, ends: Ends) -> None:
        self._look_for_errors()
        lanes = {lane.place.partition: lane for lane in self._lanes()}
        self._look_for_orphans(ends, self._assigned() - lanes.keys())
        self._still.keep(set(lanes))
        short = set()
        for partition, lane in lanes.items():
            offset = lane.next_offset  # before the end: a log that is well is never shorter
            self.ends[partition] = end = self._end_of(ends, partition)
            stood = self._still.note(partition, offset, end, time.monotonic())
            if stood > self._settings.watchdog_timeout:
                why = f"partition {partition} has stood at {offset} of {end} for {stood:.0f} s"
                self._crash("no progress", TimeoutError(why))
            if end < offset:
                short.add(partition)
                if partition in self._short:  # what comes now would be taken for done
                    why = f"partition {partition} ends at {end}, and {offset} commands were done"
                    self._crash("the commands log was cut", InconsistentError(why))
        self._short = short

    def _end_of(self, ends: Ends, partition: int) -> int:
        """Where the log of commands ends, somebody's open transaction included."""
        topic = self._settings.topics.commands.name
        return ends.ask([topic], partition, decided=False).answer()[topic]

    def _look_for_errors(self) -> None:
        """The group's broker had a full disk: its answer ended a worker's part in it for good."""
        last, self._error = self._error, self._unheard()
        if last is not None and last is self._error:
            self._crash("the group has refused us, and nobody hears it", last)

    def _look_for_orphans(self, ends: Ends, orphans: set[int]) -> None:
        """A claim takes seconds; what is assigned and still not held was given up by mistake.

        The broker is asked for each, so that its own silence is not taken for ours.
        """
        for partition, alone in self._orphans.note(orphans, time.monotonic()).items():
            end = self._end_of(ends, partition)
            if alone > self._settings.watchdog_timeout:
                why = f"partition {partition}, with {end} commands, is ours but not held"
                self._crash("no progress", TimeoutError(f"{why} for {alone:.0f} s"))
