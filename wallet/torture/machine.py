"""The machine under a run: how busy it is, and how much of that is not us.

Seconds of silence say something about the ledger only while it has the machine to itself. So each
second it is noted what share of all processors others had: other people's processes, and what the
hypervisor took away.
"""

import os
import threading
import time
from contextlib import suppress
from typing import Final, NamedTuple

import psutil

LOOK_SECONDS: Final = 1.0


class Look(NamedTuple):
    """One second: its end (monotonic), and shares of all processors, 0 to 1."""

    at: float
    busy: float
    others: float


class Machine(threading.Thread):
    """Looks once a second until ended."""

    def __init__(self) -> None:
        super().__init__(name="machine", daemon=True)
        self._processors = psutil.cpu_count() or 1
        self._ended = threading.Event()
        self._looks: list[Look] = []
        self._ours: dict[int, float] = {}
        self._lock = threading.Lock()

    def run(self) -> None:
        """Look."""
        before, used = time.monotonic(), _used()
        self._spent_by_us()
        while not self._ended.wait(LOOK_SECONDS):
            now, total = time.monotonic(), _used()
            span = (now - before) * self._processors
            ours, busy = self._spent_by_us() / span, (total - used) / span
            with self._lock:
                self._looks.append(Look(now, min(1.0, busy), max(0.0, min(1.0, busy - ours))))
            before, used = now, total

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join(5)

    def mean(self, since: float, until: float) -> Look:
        """The means over a span, or of the look that came after it; zeros where there was none."""
        with self._lock:
            after = [look for look in self._looks if look.at > since]
        found = [look for look in after if look.at <= until + LOOK_SECONDS] or after[:1]
        if not found:
            return Look(until, 0.0, 0.0)
        busy = sum(look.busy for look in found) / len(found)
        return Look(found[-1].at, busy, sum(look.others for look in found) / len(found))

    def _spent_by_us(self) -> float:
        """Processor seconds of our process and its descendants since the last look.

        What a process spends between its last look and its end is taken for somebody else's: a
        little of what a killed one did.
        """
        spent = {}
        me = psutil.Process(os.getpid())
        for process in [me, *me.children(recursive=True)]:
            with suppress(psutil.Error):
                times = process.cpu_times()
                spent[process.pid] = times.user + times.system
        total = sum(max(0.0, now - self._ours.get(pid, 0.0)) for pid, now in spent.items())
        self._ours = spent
        return total


def _used() -> float:
    """Processor seconds that were not idle, stolen ones included, since the machine's start."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # in user already
    return float(sum(times) - idle - guests)
