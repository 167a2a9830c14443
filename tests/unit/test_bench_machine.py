"""What benches say of the machine and of the processes they watch."""

import os
import sys

from tests.workers import wait_until
from wallet.bench.machine import fixed_loop, spread_percent
from wallet.bench.processes import watched

SLEEPER = (sys.executable, "-c", "import threading; threading.Event().wait(60)")


def test_the_loop_never_changes() -> None:
    """Figures of different months are compared by its milliseconds: it does the same for ever."""
    assert fixed_loop(60_000)[:16] == "879ed7737333edff"
    assert fixed_loop(1000) == fixed_loop(1000) != fixed_loop(1001)


def test_the_spread_is_of_the_median() -> None:
    """From the slowest to the fastest, in percent of the middle one."""
    assert spread_percent([90.0, 100.0, 130.0]) == 40.0
    assert spread_percent([7.0]) == 0.0


def test_a_process_is_watched_until_its_end() -> None:
    """One that lives is seen with what it takes; none is left when the block is over."""
    with watched(SLEEPER, os.environ) as watch:
        assert watch.is_running
        wait_until(lambda: watch.most_mb > 1, 30, "memory of the process")
    assert not watch.is_running


def test_a_process_that_died_is_told() -> None:
    """Its figures would be those of fewer."""
    with watched((sys.executable, "-c", "raise SystemExit(70)"), os.environ) as watch:
        wait_until(lambda: not watch.is_running, 30, "end of the process")
