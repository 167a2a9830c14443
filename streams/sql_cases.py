"""The statements of withdrawals and credit requests: read by id, made, taken a step further.

Texts that a sender wrote go as lists, which psycopg2 quotes; all else as array literals.
"""

from typing import Any, Final

from schemas.statuses import CREDIT_REQUEST_STATUSES, WITHDRAWAL_STATUSES
from streams.arrays import array, columns
from streams.books import Books, CreditRequest, Withdrawal

# Moments are rounded: a double of seconds holds no milliseconds exactly.
WITHDRAWALS: Final = (
    "SELECT withdrawal_id::text, wallet_id::text, amount_minor, currency,"
    " round(extract(epoch FROM due_at) * 1000), target, status, reason,"
    " round(extract(epoch FROM changed_at) * 1000)"
    " FROM withdrawals WHERE withdrawal_id = ANY(%s::uuid[])"
)

CREDIT_REQUESTS: Final = (
    "SELECT credit_request_id::text, wallet_id::text, amount_minor, currency, number, status, by,"
    " reason, round(extract(epoch FROM requested_at) * 1000),"
    " round(extract(epoch FROM changed_at) * 1000)"
    " FROM credit_requests WHERE credit_request_id = ANY(%s::uuid[])"
)

_SCHEDULED: Final = (
    "INSERT INTO withdrawals (partition, withdrawal_id, wallet_id, amount_minor, due_at,"
    " changed_at, status, currency, target, reason)"
    " SELECT p, i, w, a, to_timestamp(d / 1000.0), to_timestamp(c / 1000.0), s, u, t, r"
    " FROM unnest(%s::smallint[], %s::uuid[], %s::uuid[], %s::numeric[], %s::bigint[],"
    " %s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::text[])"
    " AS v (p, i, w, a, d, c, s, u, t, r)"
)
_STEPPED: Final = (
    "SELECT change_withdrawals(%s::uuid[], %s::smallint[], %s::smallint[], %s::bigint[],"
    " %s::text[])"
)
_REQUESTED: Final = (
    "INSERT INTO credit_requests (credit_request_id, wallet_id, amount_minor, number,"
    " requested_at, changed_at, status, currency, by, reason)"
    " SELECT i, w, a, n, to_timestamp(q / 1000.0), to_timestamp(c / 1000.0), s, u, b, r"
    " FROM unnest(%s::uuid[], %s::uuid[], %s::numeric[], %s::bigint[], %s::bigint[],"
    " %s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::text[])"
    " AS v (i, w, a, n, q, c, s, u, b, r)"
)
_PROCESSED: Final = (
    "SELECT change_credit_requests(%s::uuid[], %s::smallint[], %s::smallint[], %s::bigint[],"
    " %s::text[], %s::text[])"
)


def withdrawals(books: Books) -> list[tuple[str, tuple[Any, ...]]]:
    """The withdrawals that the batch made, each with its wallet, and those that it took further."""
    all_held = list(books.withdrawals.values())
    made = [
        (
            books.wallets[w.wallet_id].partition,
            w.withdrawal_id,
            w.wallet_id,
            w.amount_minor,
            w.due_at_ms,
            w.changed_at_ms,
            WITHDRAWAL_STATUSES.index(w.status),
            w.currency,
            w.target,
            w.reason,
        )
        for w in all_held
        if w.opened_status is None
    ]
    stepped = [
        (
            w.withdrawal_id,
            WITHDRAWAL_STATUSES.index(w.opened_status),
            WITHDRAWAL_STATUSES.index(w.status),
            w.changed_at_ms,
            w.reason,
        )
        for w in all_held
        if w.opened_status not in (None, w.status)
    ]
    statements: list[tuple[str, tuple[Any, ...]]] = []
    if made:
        statements.append((_SCHEDULED, _arguments(made, texts=2)))
    if stepped:
        statements.append((_STEPPED, _arguments(stepped, texts=1)))
    return statements


def credit_requests(all_held: list[CreditRequest]) -> list[tuple[str, tuple[Any, ...]]]:
    """The credit requests that the batch made, and those that it ended."""
    made = [
        (
            c.credit_request_id,
            c.wallet_id,
            c.amount_minor,
            c.number,
            c.requested_at_ms,
            c.changed_at_ms,
            CREDIT_REQUEST_STATUSES.index(c.status),
            c.currency,
            c.by,
            c.reason,
        )
        for c in all_held
        if c.opened_status is None
    ]
    ended = [
        (
            c.credit_request_id,
            CREDIT_REQUEST_STATUSES.index(c.opened_status),
            CREDIT_REQUEST_STATUSES.index(c.status),
            c.changed_at_ms,
            c.by,
            c.reason,
        )
        for c in all_held
        if c.opened_status not in (None, c.status)
    ]
    statements: list[tuple[str, tuple[Any, ...]]] = []
    if made:
        statements.append((_REQUESTED, _arguments(made, texts=2)))
    if ended:
        statements.append((_PROCESSED, _arguments(ended, texts=2)))
    return statements


def _arguments(rows: list[tuple[Any, ...]], texts: int) -> tuple[Any, ...]:
    """The columns of at least one row; so many at the end are texts that a sender wrote."""
    turned = columns(rows, len(rows[0]))
    return (*map(array, turned[:-texts]), *map(list, turned[-texts:]))


def withdrawal_of(row: tuple[Any, ...]) -> Withdrawal:
    """A row that WITHDRAWALS gives."""
    status = WITHDRAWAL_STATUSES[row[6]]
    return Withdrawal(
        withdrawal_id=row[0],
        wallet_id=row[1],
        amount_minor=int(row[2]),
        currency=row[3],
        due_at_ms=int(row[4]),
        target=row[5],
        status=status,
        reason=row[7],
        changed_at_ms=int(row[8]),
        opened_status=status,
    )


def credit_request_of(row: tuple[Any, ...]) -> CreditRequest:
    """A row that CREDIT_REQUESTS gives."""
    status = CREDIT_REQUEST_STATUSES[row[5]]
    return CreditRequest(
        credit_request_id=row[0],
        wallet_id=row[1],
        amount_minor=int(row[2]),
        currency=row[3],
        number=row[4],
        status=status,
        by=row[6],
        reason=row[7],
        requested_at_ms=int(row[8]),
        changed_at_ms=int(row[9]),
        opened_status=status,
    )
