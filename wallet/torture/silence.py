"""Silence: how long a partition told no result while commands kept coming."""

import threading
from typing import Final, NamedTuple

SHORTEST: Final = 0.25
"""Seconds from which on a pause between two results is kept. At the slowest load a partition has
some ten commands a second."""


class Gap(NamedTuple):
    """A pause between two results of a partition; monotonic moments."""

    partition: int
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start


class Silence:
    """Hears of every result, from one thread, and is asked by others."""

    def __init__(self, partitions: int, now: float) -> None:
        self._last = dict.fromkeys(range(partitions), now)
        self._gaps: list[Gap] = []
        self._lock = threading.Lock()

    def heard(self, partition: int, now: float) -> None:
        """A result of a partition could be read."""
        with self._lock:
            gap = Gap(partition, self._last[partition], now)
            self._last[partition] = now
            if gap.seconds >= SHORTEST:
                self._gaps.append(gap)

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions that are listened to."""
        return tuple(self._last)

    def last(self, partition: int) -> float:
        """When a partition was heard last."""
        return self._last[partition]

    def gaps(self, since: float, until: float) -> list[Gap]:
        """The gaps that reach into this span, in the order in which they ended.

        One that goes on still ends now, which is `until`.
        """
        with self._lock:
            open_ones = [Gap(p, last, until) for p, last in self._last.items() if last < until]
            found = [gap for gap in self._gaps if gap.end > since and gap.start < until]
        return found + [gap for gap in open_ones if gap.seconds >= SHORTEST]


def longest(gaps: list[Gap], partitions: frozenset[int]) -> Gap | None:
    """The longest gap on any of these partitions; None where none was kept."""
    found = [gap for gap in gaps if gap.partition in partitions]
    return max(found, key=lambda gap: gap.seconds, default=None)
