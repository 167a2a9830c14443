"""Many commands in flight at once, and no more than so many."""

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from producers.board import Pending
from producers.failure import ResultTimeout
from producers.message import Message
from schemas.results import AnyResult

IN_FLIGHT: Final = 2000
"""Commands whose results are still out: what a worker takes as one batch."""

NEXT_LOOK: Final = 1.0
"""Seconds of silence after which the database is asked again."""


class Answer(NamedTuple):
    """A result, whose turn among the messages it was (from 0), and how long it took to hear."""

    turn: int
    result: AnyResult
    seconds: float


class Pipeline:
    """One run of commands through a client. `post` sends, `look_up` asks the database."""

    def __init__(
        self,
        post: Callable[[Pending], None],
        look_up: Callable[[Pending], None],
        unpin: Callable[[Pending], None],
    ) -> None:
        self._post = post
        self._look_up = look_up
        self._unpin = unpin
        self._told: queue.SimpleQueue[Pending] = queue.SimpleQueue()
        self._open: dict[Pending, int] = {}
        self._moved_at = time.monotonic()

    def run(self, messages: Iterable[Message], in_flight: int, timeout: float) -> Iterator[Answer]:
        """Send all, and give their answers as they come."""
        try:
            for turn, message in enumerate(messages):
                self._start(turn, message)
                while len(self._open) >= in_flight or not self._told.empty():
                    yield from self._take(timeout)
            while self._open:
                yield from self._take(timeout)
        finally:
            for pending in self._open:
                self._unpin(pending)

    def _start(self, turn: int, message: Message) -> None:
        pending = Pending(message, self._tell)
        if not self._open:
            self._moved_at = time.monotonic()
        self._open[pending] = turn
        self._post(pending)

    def _tell(self, pending: Pending) -> None:
        if pending.result or pending.failure:
            self._told.put(pending)

    def _take(self, timeout: float) -> Iterator[Answer]:
        """Settle the next that is told, or see to those of which nothing is heard."""
        try:
            pending = self._told.get(timeout=min(NEXT_LOOK, timeout))
        except queue.Empty:
            yield from self._look_around(timeout)
        else:
            yield from self._close(pending)

    def _look_around(self, timeout: float) -> Iterator[Answer]:
        for pending in list(self._open):
            self._look_up(pending)
            if pending.result:
                yield from self._close(pending)
        if self._open and time.monotonic() - self._moved_at > timeout:
            oldest = next(iter(self._open)).message
            raise ResultTimeout(oldest.source, oldest.id, timeout)

    def _close(self, pending: Pending) -> Iterator[Answer]:
        if pending.failure:
            raise pending.failure
        if pending.result is None or pending not in self._open:
            return
        self._moved_at = time.monotonic()
        turn = self._open.pop(pending)
        self._unpin(pending)
        yield Answer(turn, pending.result, pending.seconds)
