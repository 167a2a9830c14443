"""What the delayed consumer reads from PostgreSQL: the time, pages of what is due, states.

Each read is one short statement whose time is a parameter: a moving clock_timestamp() in it could
not use the index. How a statement is executed does not depend on statistics: all goes by indexes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from consumers.delayed.window import LEAST_UUID, Due, Page
from consumers.reader import Reader
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
    """A reader of them. Methods raise psycopg2.Error and may be called again."""

    def __init__(self, settings: Settings) -> None:
        self._reader = reader(settings)

    def look(self) -> Look:
        """What time it is."""
        return Look(*self._reader.rows(NOW)[0])

    def page(self, page: Page) -> list[Due]:
        """The rows of a page, in order."""
        due_at_us, withdrawal_id = page.after
        after = (_moment(due_at_us), withdrawal_id or LEAST_UUID)  # "": before all of that instant
        given = (page.partition, _moment(page.before_us), *after)
        return [Due(*row) for row in self._reader.rows(DUE, (*given, page.limit))]

    def states(self, asked: Sequence[tuple[str, str]]) -> list[State]:
        """How withdrawals stand, given their ids and the keys of the commands sent for them."""
        ids = [withdrawal_id for withdrawal_id, _ in asked]
        keys = [key for _, key in asked]
        rows = self._reader.rows(STATES, (ids, keys))
        return [State(row[0], row[1] == SCHEDULED, row[2]) for row in rows]

    def close(self) -> None:
        """Let the connection go."""
        self._reader.close()


def reader(settings: Settings) -> Reader:
    """What asks all this: by one range of an index, whatever the statistics say."""
    return Reader(settings, "delayed", enable_bitmapscan="off")


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
