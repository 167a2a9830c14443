"""The forward-only clock of a development copy: what is due in three days is due now.

It is a row in the ledger's database. The ledger adds it to the broker's time of every command it
decides from then on, and the delayed consumer to the database's; nothing that was recorded changes.
There is no way back, since what was recorded later must not have happened earlier.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg2
from psycopg2 import extensions

from producers import answering
from producers.addresses import why_refused, without_password
from schemas.settings import Settings
from wallet.failure import Failure
from wallet.local import state
from wallet.local.folder import DataFolder

CONNECT_SECONDS: Final = 5
STATEMENT_MS: Final = 10_000
LOCK_MS: Final = 5_000

MOST_AHEAD: Final = timedelta(days=36_500)
"""All advances together. Far enough for every withdrawal, and years stay four digits long."""

_MILLISECOND: Final = timedelta(milliseconds=1)

_READ: Final = "SELECT coalesce(max(ahead_ms), 0), now() FROM clock"


class Clock(NamedTuple):
    """What the ledger takes the time to be, and how far ahead of the true time that is."""

    now: datetime
    ahead: timedelta


def show(settings: Settings) -> Clock:
    """Read the clock. Raises Failure when the database cannot be asked."""
    with _connected(settings) as cursor:
        return _read(cursor)


def advance(settings: Settings, by: timedelta) -> Clock:
    """Move the clock of a local copy ahead by at least a millisecond; what it is then.

    Raises:
        Failure: this ledger is no running local copy's, or the clock would be too far ahead.

    """
    _refuse_elsewhere(settings)
    if by < _MILLISECOND:
        raise Failure("the clock moves forward only, by a millisecond at least")
    with _connected(settings) as cursor:
        # Two that advance at once add up. Who only reads the clock does not wait for this lock.
        cursor.execute("LOCK TABLE clock IN SHARE ROW EXCLUSIVE MODE")
        ahead = _read(cursor).ahead + by
        if ahead > MOST_AHEAD:
            raise Failure(
                f"the clock would be {ahead.days} days ahead, and {MOST_AHEAD.days} is the most;"
                " a copy whose clock is right again is made by `wallet up --fresh`"
            )
        cursor.execute("INSERT INTO clock (ahead_ms) VALUES (%s)", (ahead // _MILLISECOND,))
        return _read(cursor)


def _refuse_elsewhere(settings: Settings) -> None:
    """Raise Failure where real money may move.

    Only a copy that runs, on servers that it started itself, has a clock that may be wrong.
    """
    folder = DataFolder.at(settings.data)
    found = state.read(folder.state_file) if folder.is_held() else None
    if found is None:
        raise Failure(
            f"only the clock of a local copy can be moved, and none runs on {folder.root};"
            " start one with `wallet up`, or name its folder in WALLET_DATA"
        )
    ours = {process.name for process in found.processes}
    if found.postgres != settings.database_url or "postgres" not in ours:
        raise Failure(
            f"only the clock of a local copy can be moved, and the database at"
            f" {without_password(settings.database_url)} is not that of the copy on {folder.root};"
            " unset WALLET_DATABASE_URL, there and here, to use the copy's own"
        )


def _read(cursor: extensions.cursor) -> Clock:
    cursor.execute(_READ)
    row: Any = cursor.fetchone()
    ahead = timedelta(milliseconds=row[0])
    return Clock(row[1].astimezone(UTC) + ahead, ahead)


@contextmanager
def _connected(settings: Settings) -> Iterator[extensions.cursor]:
    """A transaction of its own, committed unless something is raised."""
    shown = without_password(settings.database_url)
    try:
        connection = answering.connect(
            STATEMENT_MS,
            dsn=settings.database_url,
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS}",
        )
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()
    except psycopg2.errors.UndefinedTable as error:
        raise Failure(f"{shown} has no clock; make its tables with `wallet migrate`") from error
    except psycopg2.Error as error:
        raise Failure(
            f"the clock in PostgreSQL at {shown} cannot be reached: {why_refused(error)};"
            " start a local one with `wallet up`, or name yours in WALLET_DATABASE_URL"
        ) from error
