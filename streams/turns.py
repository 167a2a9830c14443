"""A worker's lanes take turns while little waits: what they wait for makes their batches larger.

A Kafka transaction costs the same for one command as for forty, some 6 ms of processor time on all
sides. Two at a time are what two processors have room for, one of each worker; with four, batches
are half as large, and each takes twice as long. Under a backlog batches are large anyway, and then
the waits of one lane are another one's time: nobody waits for a turn there.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

CROWD: Final = 300
"""So many records that wait in a lane are a backlog."""

PATIENCE: Final = 1.5
PATIENCE_MAX_SECONDS: Final = 0.1
"""The longest wait for a turn, and the longest turn that is waited for at all: of the time that the
lane's last batch took, and at most. A lane whose broker or rows are slow must not stop the others;
and many lanes whose servers are far away, so that a batch is all waiting, are not made a queue."""


def patience(took: float) -> float:
    """Seconds that a lane waits whose last batch took so many."""
    return min(PATIENCE_MAX_SECONDS, took * PATIENCE)


class Turns:
    """One lane at a time, who came first goes first; nobody waits for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False
        self._since = 0.0

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Wait for a turn, and have it; or have waited for so long, and go on without."""
        mine = self._take(seconds)
        try:
            yield
        finally:
            if mine:
                self._pass_on()

    def _take(self, seconds: float) -> bool:
        with self._lock:
            if not self._taken:
                self._taken, self._since = True, time.monotonic()
                return True
            if time.monotonic() - self._since >= seconds:
                return False
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(seconds):
            return True
        with self._lock:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
            return True  # called in the last moment

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._since = time.monotonic()
                self._waiting.popleft().set()
            else:
                self._taken = False
