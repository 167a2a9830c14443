"""What PostgreSQL has of the withdrawals that the bank caller sees to, page by page.

PostgreSQL is the queue: however many wait, only a page of them is read at a time, in the order of
the index `withdrawals_in_transit`.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from consumers.bank.orders import Order
from consumers.bank.policy import Standing, State
from consumers.reader import Reader
from consumers.withdrawals.cases import Case
from producers.answering import LOST
from producers.failure import one_line
from schemas.money import show
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES

PAGE: Final = 1000
"""Rows of one page: some 10 ms."""

PATIENCE_SECONDS: Final = 60.0
"""How long PostgreSQL may be away before this process ends, for a new one to try."""

PAUSE_SECONDS: Final = 0.25

EXECUTING: Final = WITHDRAWAL_STATUSES.index("executing")
NEEDS_REVIEW: Final = WITHDRAWAL_STATUSES.index("needs_review")

Place = tuple[datetime, str]
"""Where a row stands in the order of the index: changed_at, withdrawal id."""

START: Final[Place] = (datetime(1970, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000")

ORDER_COLUMNS: Final = (
    "w.withdrawal_id::text, w.wallet_id::text, w.amount_minor, w.currency, w.target"
)
"""What order_of() takes, of withdrawals AS w."""

_COLUMNS: Final = f"""
{ORDER_COLUMNS}, w.partition, w.changed_at, b.state, b.calls, b.not_done, coalesce(b.note, ''),
greatest(extract(epoch FROM now() - b.changed_at), 0)::float8,
greatest(extract(epoch FROM now() - b.begun_at), 0)::float8
"""  # nobody waits for a moment that a clock set back has put into the future

# What the bank caller sees to: what is executing, and what was left to a person before it was
# known that the bank has paid, which the ledger must hear.
# The statuses stand in the text and not in parameters: it makes the partial index usable.
_OURS: Final = f"""
w.status IN ({EXECUTING}, {NEEDS_REVIEW}) AND (w.status = {EXECUTING} OR b.state = {State.PAID:d})
"""

_PAGE: Final = f"""
SELECT {_COLUMNS} FROM withdrawals AS w LEFT JOIN bank_calls AS b USING (withdrawal_id)
WHERE w.partition = %s AND {_OURS}
    AND (w.changed_at, w.withdrawal_id) > (%s, %s::uuid)
ORDER BY w.changed_at, w.withdrawal_id LIMIT %s
"""  # noqa: S608 - texts and a number of ours

_THESE: Final = f"""
SELECT {_COLUMNS} FROM withdrawals AS w LEFT JOIN bank_calls AS b USING (withdrawal_id)
WHERE w.withdrawal_id = ANY(%s::uuid[]) AND {_OURS}
"""  # noqa: S608 - as above

_STATUSES: Final = """
SELECT withdrawal_id::text, status FROM withdrawals WHERE withdrawal_id = ANY(%s::uuid[])
"""

_NEXT_OFFSETS: Final = "SELECT partition, next_offset FROM partitions WHERE topic = %s"

_RESULTS: Final = "SELECT result FROM commands WHERE command_key = ANY(%s::uuid[])"

_Found = TypeVar("_Found")

log: Final = structlog.get_logger(__name__)


class Page(NamedTuple):
    """Cases in the order of the index; the next page begins at `end`, None after the last."""

    cases: list[Case]
    end: Place | None


class Rows:
    """Reads, over a connection of its own; for one thread at a time.

    Methods wait for a database that is away, for PATIENCE_SECONDS, then raise psycopg2.Error.
    """

    def __init__(self, settings: Settings) -> None:
        self._reader = Reader(settings, "bank rows")
        self._commands = settings.topics.commands.name

    def page(self, partition: int, after: Place) -> Page:
        """The withdrawals of a partition that are ours to see to, behind a place."""
        rows = self._ask(_PAGE, (partition, *after, PAGE))
        now = time.monotonic()
        end = (rows[-1][6], rows[-1][0]) if len(rows) == PAGE else None
        return Page([_case(row, now) for row in rows], end)

    def these(self, keys: Sequence[str]) -> dict[str, Case]:
        """Those of these withdrawals that are ours to see to, by id."""
        rows = self._ask(_THESE, (list(keys),))
        now = time.monotonic()
        return {row[0]: _case(row, now) for row in rows}

    def statuses(self, keys: Sequence[str]) -> dict[str, str]:
        """The status of each of these withdrawals, by id."""
        rows = self._ask(_STATUSES, (list(keys),)) if keys else []
        return {key: WITHDRAWAL_STATUSES[status] for key, status in rows}

    def next_offsets(self) -> dict[int, int]:
        """How far the ledger has come: by partition, the offset of the first command to come."""
        return dict(self._ask(_NEXT_OFFSETS, (self._commands,)))

    def results(self, command_keys: Sequence[str]) -> list[str]:
        """The stored results of those of these commands that have one."""
        return [result for (result,) in self._ask(_RESULTS, (list(command_keys),))]

    def close(self) -> None:
        """Let the connection go."""
        self._reader.close()

    def _ask(self, query: str, given: tuple[object, ...]) -> list[tuple[Any, ...]]:
        return patiently(lambda: self._reader.rows(query, given), self._reader.close)


def patiently(ask: Callable[[], _Found], forget: Callable[[], None]) -> _Found:
    """Ask, and again while the database is away; `forget` drops what is broken."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    is_away = False
    while True:
        try:
            found = ask()
        except LOST as error:
            forget()
            if time.monotonic() > deadline:
                raise
            if not is_away:
                log.warning("PostgreSQL does not answer, trying again", why=one_line(error))
            is_away = True
            time.sleep(PAUSE_SECONDS)  # nobody tells when the database is back
        else:
            if is_away:
                log.info("PostgreSQL answers again")
            return found


def order_of(row: Sequence[Any]) -> Order:
    """What is to be paid, from a row that begins with ORDER_COLUMNS."""
    withdrawal_id, wallet_id, amount_minor, currency, target = row[:5]
    return Order(withdrawal_id, wallet_id, show(int(amount_minor), currency), currency, target)


def _case(row: Sequence[Any], now: float) -> Case:
    state, calls, not_done, note, written_seconds, open_seconds = row[7:]
    known = Standing()
    if state is not None:
        is_open = state in (State.SENDING, State.UNKNOWN)
        known = Standing(State(state), calls, not_done, doubt=is_open, note=note)
    return Case(
        order=order_of(row),
        partition=row[5],
        standing=known,
        written_at=now - written_seconds,
        opened_at=now - open_seconds,
    )
