"""Results that are told when they come: a future for each command, and one thread that keeps them.

The thread settles futures, so whatever is called back runs in it and not in a thread that reads the
log: a callback may send and wait.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from producers.board import Pending
from producers.failure import ClientClosed, ClientError, ResultTimeout
from producers.message import Message
from schemas.results import AnyResult

TICK: Final = 0.25
"""Seconds between two looks at what is open: at deadlines, and at what nothing is heard of."""

LOOKS_AT_ONCE: Final = 20
"""Most first answers that are looked up before what was told meanwhile is settled."""


class Promise:
    """An open command: who waits, until when, and when to look its first answer up."""

    __slots__ = ("deadline", "future", "look_at", "timeout")

    def __init__(self, timeout: float, first_look: float) -> None:
        now = time.monotonic()
        self.future: Future[AnyResult] = Future()
        self.timeout = timeout
        self.deadline = now + timeout
        self.look_at = now + first_look


class Promises:
    """The open commands of one client, at most `limit`.

    `post` sends a record, waiting so many seconds for room; `look_up` settles it from where first
    answers are kept, if it can; `unpin` forgets it. `looks` are the seconds before the first
    look-up and between later ones.
    """

    def __init__(
        self,
        post: Callable[[Pending, float], None],
        look_up: Callable[[Pending], None],
        unpin: Callable[[Pending], None],
        *,
        limit: int,
        looks: tuple[float, float],
    ) -> None:
        self._post = post
        self._look_up = look_up
        self._unpin = unpin
        self._first_look, self._next_look = looks
        self._limit = limit
        self._room = threading.BoundedSemaphore(limit)
        self._lock = threading.Lock()
        self._open: dict[Pending, Promise] = {}
        self._empty = threading.Event()
        self._empty.set()
        self._is_closed = False
        self._told: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def make(self, message: Message, timeout: float, wait: float) -> Future[AnyResult]:
        """Send a command; the future of its result.

        It fails with ClientError where Kafka does not take the command, with ResultTimeout when
        there is no result within `timeout` seconds. Raises ClientError when there is no room for
        one more within `wait` seconds, or the client is closed.
        """
        if not self._room.acquire(timeout=wait):
            raise ClientError(
                f"{self._limit:,} commands wait for their results already; wait for some of them,"
                " or give the client a larger `in_flight`"
            )
        pending = Pending(message, self._tell)
        promise = Promise(timeout, self._first_look)
        self._enter(pending, promise)
        try:
            self._post(pending, wait)
        except BaseException:
            self._leave(pending)
            raise
        return promise.future

    def close(self, timeout: float) -> None:
        """Take no more, wait until all are settled, then fail what is left with ClientClosed."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
        if thread is None:
            return
        self._empty.wait(timeout)
        self._told.put(None)
        if thread is not threading.current_thread():
            thread.join()

    def _enter(self, pending: Pending, promise: Promise) -> None:
        with self._lock:
            if self._is_closed:
                self._room.release()
                raise ClientClosed("the client is closed; nothing was sent")
            self._open[pending] = promise
            self._empty.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="promises", daemon=True)
                self._thread.start()

    def _leave(self, pending: Pending) -> Promise | None:
        """Close a command; None where that was done before."""
        with self._lock:
            promise = self._open.pop(pending, None)
            if promise is None:
                return None
            if not self._open:
                self._empty.set()
        self._room.release()
        self._unpin(pending)
        return promise

    def _tell(self, pending: Pending) -> None:
        """Hear from the client's threads."""
        if pending.result or pending.failure:
            self._told.put(pending)

    def _run(self) -> None:
        """Settle what is told, look around now and then, until the end is told."""
        next_look = time.monotonic() + TICK
        while True:
            try:
                told = self._told.get(timeout=max(next_look - time.monotonic(), 0.001))
            except queue.Empty:
                pass
            else:
                if told is None:
                    break
                self._settle(told)
            if time.monotonic() >= next_look:
                self._look_around()
                next_look = time.monotonic() + TICK
        with self._lock:
            left = list(self._open)
        for pending in left:
            said = f"the client was closed before the result of {pending.message.id} came"
            self._fail(pending, ClientClosed(f"{said}; it may still be done"))

    def _settle(self, pending: Pending) -> None:
        if pending.failure:
            self._fail(pending, pending.failure)
            return
        promise = self._leave(pending)
        assert pending.result is not None, "told about neither a result nor a failure"
        if promise is not None and promise.future.set_running_or_notify_cancel():
            promise.future.set_result(pending.result)

    def _fail(self, pending: Pending, failure: ClientError) -> None:
        promise = self._leave(pending)
        if promise is not None and promise.future.set_running_or_notify_cancel():
            promise.future.set_exception(failure)

    def _look_around(self) -> None:
        """Look up what is silent, and end what has waited too long."""
        now = time.monotonic()
        with self._lock:
            silent = [each for each in self._open.items() if each[1].look_at <= now]
        for pending, promise in silent[:LOOKS_AT_ONCE]:
            promise.look_at = time.monotonic() + self._next_look
            self._look_up(pending)
            if pending.result:
                self._settle(pending)
        with self._lock:
            late = [each for each in self._open.items() if each[1].deadline <= now]
        for pending, promise in late:
            if pending.result:
                self._settle(pending)
            else:
                message = pending.message
                self._fail(pending, ResultTimeout(message.source, message.id, promise.timeout))
