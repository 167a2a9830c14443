"""The machine that a figure was made on, so that figures of different hours can be compared.

A loop of pure Python that never changes is timed before and after a bench: where it takes longer,
the machine was slower or had other work, and every figure in between with it.
"""

import hashlib
import os
import statistics
import time
from typing import Final, NamedTuple

import psutil

ROUNDS: Final = 60_000
"""Of the loop: some 50 ms of one processor."""

LOOPS: Final = 7
LOOK_SECONDS: Final = 1.0


class Machine(NamedTuple):
    """How fast it was, and how busy without us."""

    processors: int
    loop_ms_before: float
    """The fixed loop, the median of some; less is faster."""
    loop_ms_after: float
    others_percent: float
    """Of all its processors, used by others in the second before the bench."""


class Index:
    """Looks at the machine as the bench begins; `end()` looks again."""

    def __init__(self) -> None:
        self.others_percent = psutil.cpu_percent(LOOK_SECONDS)
        self._before = loop_ms()

    def end(self) -> Machine:
        """What the machine was like from beginning to end."""
        return Machine(os.cpu_count() or 1, self._before, loop_ms(), self.others_percent)


def loop_ms() -> float:
    """Milliseconds that the fixed loop takes now, the median of some."""
    return round(statistics.median(_timed() for _ in range(LOOPS)), 2)


def _timed() -> float:
    start = time.perf_counter()
    fixed_loop(ROUNDS)
    return 1000 * (time.perf_counter() - start)


def fixed_loop(rounds: int) -> str:
    """What a worker does most, in small: texts, dictionaries, hashes. The same every time.

    Never change it: its milliseconds are compared over months.
    """
    found: dict[str, int] = {}
    for number in range(rounds):
        text = f"{number % 1000:04d}"
        found[text] = found.get(text, 0) + number
    return hashlib.blake2b(repr(found).encode()).hexdigest()


def spread_percent(figures: list[float]) -> float:
    """Between the slowest and the fastest run, of their median: how noisy the machine was."""
    return round(100 * (max(figures) - min(figures)) / statistics.median(figures), 1)
