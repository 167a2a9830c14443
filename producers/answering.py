"""Connections to PostgreSQL whose answers are not waited for longer than a limit.

The server keeps statement_timeout, and TCP notices a peer that is gone. Against a server that is
frozen, or a way that stays open and passes nothing on, only the client's own clock helps: a thread
ends the connection whose answer is overdue, and whoever waits gets an OperationalError, as if the
server had closed it.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg2
import structlog
from psycopg2 import extensions

LOOK_SECONDS: Final = 1.0
"""Between two looks at what is overdue: so much later than its limit a wait may end."""

SPARE_SECONDS: Final = 7.0
"""How much longer than `statement_timeout` an answer is waited for: the server's own word comes
first, and a commit may wait for a slow disk."""

LOST: Final = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""The server or the way to it is gone, or it was too slow, or two deadlocked: try again."""

log: Final = structlog.get_logger(__name__)


class _Watch:
    """What is being waited for, in the whole process. Its thread starts with the first wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits: dict[int, tuple[float, socket.socket, float]] = {}
        self._number = 0
        self._thread: threading.Thread | None = None

    def begin(self, wire: socket.socket, limit: float) -> int:
        """A wait begins; the number to end it by."""
        with self._lock:
            self._number += 1
            self._waits[self._number] = (time.monotonic() + limit, wire, limit)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="answers", daemon=True)
                self._thread.start()
            return self._number

    def end(self, number: int) -> None:
        """A wait has ended."""
        with self._lock:
            self._waits.pop(number, None)

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)  # nothing is to be done before
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        with self._lock:
            over = [number for number, (due, _, _) in self._waits.items() if due < now]
            for number in over:
                _, wire, limit = self._waits.pop(number)
                log.warning("PostgreSQL does not answer, connection ended", seconds=limit)
                with suppress(OSError):  # it may have ended by itself
                    wire.shutdown(socket.SHUT_RDWR)


_WATCH: Final = _Watch()


class LimitedConnection(extensions.connection):
    """A connection for `psycopg2.connect(connection_factory=...)`.

    `limit` is how many seconds the answer to a statement, a commit or a rollback may take.
    """

    limit: float = 15.0

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - psycopg2's own
        super().__init__(*given, **named)
        self.cursor_factory = LimitedCursor
        # A descriptor of our own: libpq closes its one when it likes, and the number may be
        # another's by then.
        self.wire = socket.socket(fileno=os.dup(self.fileno()))

    def commit(self) -> None:
        """Commit. Raises OperationalError when there is no answer in time."""
        number = _WATCH.begin(self.wire, self.limit)
        try:
            super().commit()
        finally:
            _WATCH.end(number)

    def rollback(self) -> None:
        """Roll back. Raises OperationalError when there is no answer in time."""
        number = _WATCH.begin(self.wire, self.limit)
        try:
            super().rollback()
        finally:
            _WATCH.end(number)

    def close(self) -> None:
        """Let it go."""
        super().close()
        self.wire.close()


class LimitedCursor(extensions.cursor):
    """A cursor of such a connection. Whatever asks the server for something has its limit."""

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002, ANN401 - psycopg2's own
        """Run a statement. Raises OperationalError when there is no answer in time."""
        with self._limited():
            super().execute(query, vars)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows. Raises OperationalError when a server-side cursor has none in time."""
        with self._limited():
            return super().fetchmany(size)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:  # noqa: ANN401 - as above
        """Copy a table. Raises OperationalError when it is not all done in time."""
        with self._limited():
            super().copy_expert(sql, file, size)

    @contextmanager
    def _limited(self) -> Iterator[None]:
        connection: Any = self.connection
        number = _WATCH.begin(connection.wire, connection.limit)
        try:
            yield
        finally:
            _WATCH.end(number)


def connect(statement_timeout_ms: int, **given: Any) -> LimitedConnection:  # noqa: ANN401 - as above
    """A connection that waits somewhat longer than the server's own limit, and then no more.

    `given` is what psycopg2.connect takes. Raises psycopg2.OperationalError.
    """
    made: LimitedConnection = psycopg2.connect(**given, connection_factory=LimitedConnection)
    made.limit = statement_timeout_ms / 1000 + SPARE_SECONDS
    return made
