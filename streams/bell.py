"""The bell: wakes a worker's lanes when events wait for them.

It listens on PostgreSQL for arrivals that other workers committed, and looks by itself once a
second, should a ring have been missed: who has committed them may have died before it rang.
"""

import select
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from psycopg2 import errors, extensions

from schemas.settings import Settings
from streams.journal import connect

log: Final = structlog.get_logger(__name__)

CHANNEL: Final = "wallet_arrivals"
TICK_SECONDS: Final = 1.0

_WAITING: Final = "SELECT DISTINCT partition FROM arrivals"


class Bell(threading.Thread):
    """Wakes our lanes when events wait for them."""

    def __init__(
        self,
        settings: Settings,
        wake: Callable[[Iterable[int]], None],
        crash: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__(name="bell", daemon=True)
        self._settings = settings
        self._wake = wake
        self._crash = crash
        self._looked_at = time.monotonic()
        self._ring = threading.Lock()
        self._ringing: extensions.connection | None = None

    def ring(self, partitions: set[int]) -> None:
        """Tell the workers that hold these partitions; from any thread, after the commit.

        Not within the batch's transaction: NOTIFY takes one lock for the whole database until the
        commit is on disk, which would put all batches in a row. Alone it writes nothing to disk.
        """
        with self._ring:
            if self._ringing is None:
                self._ringing = connect(self._settings, "bell-rope")
            with self._ringing.cursor() as cursor:
                text = ",".join(map(str, sorted(partitions)))
                cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, text))

    def run(self) -> None:
        """Listen for ever; without the database there is nothing to work for."""
        try:
            connection = connect(self._settings, "bell")
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
                while True:
                    self._await(connection, cursor)
        except BaseException as error:  # noqa: BLE001 - nobody may go on after it, whatever it is
            self._crash("the bell is broken", error)

    def _await(self, connection: extensions.connection, cursor: extensions.cursor) -> None:
        left = self._looked_at + TICK_SECONDS - time.monotonic()
        select.select([connection], [], [], max(left, 0.0))
        if time.monotonic() >= self._looked_at + TICK_SECONDS:  # also while bells ring all the time
            self._look(cursor)
            self._looked_at = time.monotonic()  # a look that takes long is followed by a rest, too
        connection.poll()
        while connection.notifies:
            said = connection.notifies.pop().payload
            self._wake([int(number) for number in said.split(",")])

    def _look(self, cursor: extensions.cursor) -> None:
        try:
            cursor.execute(_WAITING)
        except errors.QueryCanceled as error:  # a slow server; there is a next look
            log.warning("could not see what waits", why=str(error).strip())
            return
        self._wake([row[0] for row in cursor.fetchall()])
