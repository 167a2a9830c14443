"""What the delayed consumer reads from PostgreSQL: the time, pages of what is due, states.

Each read is one short statement whose time is a parameter: a moving clock_timestamp() in it could
not use the index. How a statement is executed does not depend on statistics: all goes by indexes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg2
from psycopg2 import extensions

from consumers.delayed.window import LEAST_UUID, Due, Page
from producers import answering
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES

SCHEDULED: Final = WITHDRAWAL_STATUSES.index("scheduled")

NOW: Final = (
    "SELECT (extract(epoch FROM now()) * 1000000)::bigint,"
    " coalesce((SELECT max(ahead_ms) FROM clock), 0) * 1000"
)

# The status stands in the text and not in a parameter: it makes the partial index usable.
DUE: Final = f"""
SELECT (extract(epoch FROM w.due_at) * 1000000)::bigint, w.withdrawal_id::text, w.wallet_id::text
FROM withdrawals AS w
WHERE w.partition = %s AND w.status = {SCHEDULED} AND w.due_at < %s
    AND (w.due_at, w.withdrawal_id) > (%s, %s::uuid)
ORDER BY w.due_at, w.withdrawal_id LIMIT %s
"""  # noqa: S608 - a number of ours

STATES: Final = """
SELECT v.id::text, w.status, c.result
FROM unnest(%s::uuid[], %s::uuid[]) AS v (id, key)
LEFT JOIN withdrawals AS w ON w.withdrawal_id = v.id
LEFT JOIN commands AS c ON c.command_key = v.key
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Look(NamedTuple):
    """The database's clock and how far the development clock is ahead, in microseconds."""

    now_us: int
    ahead_us: int


class State(NamedTuple):
    """A fired withdrawal: is it still scheduled, and what was its command answered, if at all."""

    withdrawal_id: str
    is_scheduled: bool
    result: str | None


class Rows:
    """A connection, made when it is needed. Methods raise psycopg2.Error, and connect anew next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: extensions.connection | None = None

    def look(self) -> Look:
        """What time it is."""
        return Look(*self._ask(NOW, ())[0])

    def page(self, page: Page) -> list[Due]:
        """The rows of a page, in order."""
        due_at_us, withdrawal_id = page.after
        after = (_moment(due_at_us), withdrawal_id or LEAST_UUID)  # "": before all of that instant
        given = (page.partition, _moment(page.before_us), *after)
        return [Due(*row) for row in self._ask(DUE, (*given, page.limit))]

    def states(self, asked: Sequence[tuple[str, str]]) -> list[State]:
        """How withdrawals stand, given their ids and the keys of the commands sent for them."""
        ids = [withdrawal_id for withdrawal_id, _ in asked]
        keys = [key for _, key in asked]
        rows = self._ask(STATES, (ids, keys))
        return [State(row[0], row[1] == SCHEDULED, row[2]) for row in rows]

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, query: str, given: tuple[object, ...]) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = connect(self._settings)
            with self._connection.cursor() as cursor:
                cursor.execute(query, given)
                return cursor.fetchall()
        except psycopg2.Error:
            self.close()
            raise


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def connect(settings: Settings) -> extensions.connection:
    """A connection in autocommit mode with every wait bounded."""
    given = settings.database_client(
        "delayed", default_transaction_read_only="on", enable_bitmapscan="off"
    )
    connection = answering.connect(settings.statement_timeout_ms, **given)
    connection.autocommit = True
    return connection
