"""Counts the committed results of a ledger as they appear, with the times of the count."""

import time
from typing import NamedTuple

from schemas.settings import Settings
from wallet.bench.committed import results_from_now
from wallet.bench.telling import Moved, unmoved
from wallet.failure import Failure


class Count(NamedTuple):
    """Results seen by a read_committed reader, and the seconds from the first to the last look."""

    results: int
    seconds: float
    per_second: float
    """Of those after the first look, which had taken nobody knows how long."""
    steady_per_second: float
    """Speed between a tenth and nine tenths of the results: without start and tail."""


class Counter:
    """A reader of the results topic from its present end on."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = results_from_now(settings, "count")

    def count(self, wanted: int, silence: float = 60.0, moved: Moved = unmoved) -> Count:
        """Count until so many were seen. Raises Failure after a long silence."""
        seen, points = 0, [(time.perf_counter(), 0)]
        while seen < wanted:
            records = self._consumer.consume(20_000, timeout=0.05)
            now = time.perf_counter()
            if records:
                seen += len(records)
                points.append((now, seen))
                moved(seen)
            elif now - points[-1][0] > silence:
                raise Failure(f"{seen:,} of {wanted:,} results, then {silence:g} s of silence")
        return _count_of(points, wanted)

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


def _count_of(points: list[tuple[float, int]], wanted: int) -> Count:
    """What the looks at these moments say; the first was before anything was there."""
    first, few = points[1] if len(points) > 2 else points[0]  # noqa: PLR2004 - all came at once
    last, seen = points[-1]
    return Count(seen, last - first, (seen - few) / (last - first), _steady(points, wanted))


def _steady(points: list[tuple[float, int]], wanted: int) -> float:
    inner = [(t, n) for t, n in points if wanted * 0.1 <= n <= wanted * 0.9]
    if len(inner) < 2:  # noqa: PLR2004
        return 0.0
    (t0, n0), (t1, n1) = inner[0], inner[-1]
    return (n1 - n0) / (t1 - t0) if t1 > t0 else 0.0
