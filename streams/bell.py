"""The bell: wakes a worker's lanes when events wait for them.

It listens on PostgreSQL for arrivals that other workers committed, and looks by itself once a
second, should a ring have been missed.
"""

import select
import threading
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from psycopg2 import extensions

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
        ready, _, _ = select.select([connection], [], [], TICK_SECONDS)
        if not ready:
            cursor.execute(_WAITING)
            self._wake([row[0] for row in cursor.fetchall()])
        connection.poll()
        while connection.notifies:
            said = connection.notifies.pop().payload
            self._wake([int(number) for number in said.split(",")])
