"""A consumer whose turn does not end is ended, and its log says where it stood."""

import subprocess
import sys

from consumers.process import EXIT_CODE

STUCK = """
import threading
from consumers import process

process.TURN_SECONDS = 0.3

class Stuck:
    def turn(self):
        threading.Event().wait()

    def close(self):
        pass

process.run("stuck", lambda _: Stuck(), ())
"""
QUICK = """
import signal, threading, time
from consumers import process

process.TURN_SECONDS = 0.3
began = time.monotonic()

class Quick:
    def turn(self):
        time.sleep(0.05)
        if time.monotonic() - began > 1:
            signal.raise_signal(signal.SIGTERM)

    def close(self):
        pass

raise SystemExit(process.run("quick", lambda _: Quick(), ()))
"""


def outcome(program: str) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_turn_without_end_ends_the_process() -> None:
    """With the exit code by which a supervisor starts it again."""
    done = outcome(STUCK)
    assert done.returncode == EXIT_CODE
    assert "the stuck stands still, and gives up" in done.stderr
    assert "in turn" in done.stderr, "the stack of the thread that stands"


def test_turns_that_end_are_no_standstill() -> None:
    """However many there are."""
    done = outcome(QUICK)
    assert done.returncode == 0, done.stderr
