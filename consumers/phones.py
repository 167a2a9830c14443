"""What was sold to each phone, counted anew from the events topic: the projection thrown away.

`charged_phones` and `phone_sales` are otherwise counted from the journal as somebody looks
(count_phones, schemas/migrations/versions/0002_sellers.sql); both ways must come to the same.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from psycopg2 import extensions

from consumers.tail import Tail, Told
from producers import answering
from schemas.events import Event
from schemas.money import parse
from schemas.settings import Settings

CHUNK: Final = 5000
"""Sales written in one statement."""

STATEMENT_MS: Final = 600_000
"""The longest of a statement: the last ones count what has come meanwhile, and swap all rows."""

_PREPARE: Final = (
    "CREATE TEMP TABLE sales_again (LIKE phone_sales) ON COMMIT DROP;"
    " CREATE TEMP TABLE phones_again (LIKE charged_phones INCLUDING INDEXES) ON COMMIT DROP"
)
_SALES: Final = (
    "INSERT INTO sales_again (phone_number, transaction_id, wallet_id, sequence)"
    " SELECT * FROM unnest(%s::text[], %s::uuid[], %s::uuid[], %s::bigint[])"
)
_SUMS: Final = (
    "INSERT INTO phones_again AS p (phone_number, total_minor, first_at)"
    " SELECT phone, sum(paid), min(at) FROM unnest(%s::text[], %s::numeric[], %s::timestamptz[])"
    " AS v (phone, paid, at) GROUP BY phone ON CONFLICT (phone_number) DO UPDATE"
    " SET total_minor = p.total_minor + excluded.total_minor,"
    " first_at = least(p.first_at, excluded.first_at)"
)
# Readers see the old projection until the commit. The lock is that of count_phones.
_SWAP: Final = (
    "SELECT pg_advisory_xact_lock(7236115);"
    " DELETE FROM charged_phones; INSERT INTO charged_phones SELECT * FROM phones_again;"
    " DELETE FROM phone_sales; INSERT INTO phone_sales SELECT * FROM sales_again"
)
_COUNTED: Final = (
    "UPDATE sellers AS s SET counted_sequence = coalesce((SELECT v.sequence"
    " FROM unnest(%s::uuid[], %s::bigint[]) AS v (wallet_id, sequence)"
    " WHERE v.wallet_id = s.wallet_id), 0)"
)
_DIGESTS: Final = (
    "SELECT (SELECT md5(string_agg(c::text, ',' ORDER BY c.phone_number))"
    " FROM charged_phones AS c),"
    " (SELECT md5(string_agg(s::text, ',' ORDER BY s.phone_number, s.transaction_id))"
    " FROM phone_sales AS s)"
)


class Sale(NamedTuple):
    """A charge that a seller has sold. `phone` has digits only, `at` is when it was recorded."""

    phone: str
    transaction_id: str
    wallet_id: str
    sequence: int
    paid_minor: int
    at: datetime


class Counted(NamedTuple):
    """How many events were read, how many sales are in them, and whether that was news."""

    events: int
    sales: int
    changed: bool


def count_again(settings: Settings, tell: Callable[[int], None]) -> Counted:
    """Throw the projection away and count it from the events there are; all or nothing.

    What comes later is counted as always. Raises TailError, psycopg2.Error.
    """
    with closing(_connected(settings)) as connection:
        with connection, connection.cursor() as cursor:
            before = _counted_to_the_end(cursor)
        with connection, connection.cursor() as cursor:
            counting = _Counting(settings, cursor, tell)
            counting.run()
        with connection, connection.cursor() as cursor:
            after = _counted_to_the_end(cursor)
    return Counted(counting.events, counting.sales, before != after)


def _connected(settings: Settings) -> extensions.connection:
    return answering.connect(
        STATEMENT_MS,
        dsn=settings.database_url,
        connect_timeout=5,
        options=f"-c statement_timeout={STATEMENT_MS}",
    )


class _Counting:
    """One count, inside its caller's transaction."""

    def __init__(
        self, settings: Settings, cursor: extensions.cursor, tell: Callable[[int], None]
    ) -> None:
        self._settings = settings
        self._cursor = cursor
        self._tell = tell
        self._seen: dict[str, int] = {}
        self.events = 0
        self.sales = 0

    def run(self) -> None:
        cursor = self._cursor
        cursor.execute(_PREPARE)
        cursor.execute("SELECT wallet_id::text FROM sellers")
        sales = self._sales({row[0] for row in cursor.fetchall()})
        while several := list(islice(sales, CHUNK)):
            columns = [list(column) for column in zip(*several, strict=True)]
            cursor.execute(_SALES, columns[:4])
            cursor.execute(_SUMS, (columns[0], *columns[4:]))
            self.sales += len(several)
        cursor.execute(_SWAP)
        # What has come to the journal meanwhile, and sellers made meanwhile, are counted after.
        cursor.execute(_COUNTED, (list(self._seen), list(self._seen.values())))

    def _sales(self, sellers: set[str]) -> Iterator[Sale]:
        for told in Tail(self._settings).read():
            if told is None:
                continue
            self._count(told)
            event = told.event
            if event.wallet_id in sellers:
                self._seen[event.wallet_id] = event.sequence
                sale = sale_of(event)
                if sale is not None:
                    yield sale

    def _count(self, told: Told) -> None:
        self.events += 1
        if told.offset % 1000 == 0:
            self._tell(self.events)


def sale_of(event: Event) -> Sale | None:
    """The charge that the event's wallet has sold; None where it has sold none."""
    phone = event.transaction.phone_number
    paid = [e.amount for e in event.entries if e.account == event.wallet_id and e.amount[0] == "-"]
    if phone is None or not paid:
        return None
    return Sale(
        re.sub("[^0-9]", "", phone),
        event.transaction.id,
        event.wallet_id,
        event.sequence,
        parse(paid[0][1:], event.currency),
        datetime.fromisoformat(event.transaction.recorded_at).astimezone(UTC),
    )


def _counted_to_the_end(cursor: extensions.cursor) -> tuple[Any, ...] | None:
    """What the projection is, once all that the journal has is counted."""
    while True:
        cursor.execute("SELECT count_phones(5000)")
        row = cursor.fetchone()
        if row is None or not row[0]:
            break
    cursor.execute(_DIGESTS)
    return cursor.fetchone()
