"""Reads withdrawals and credit requests for the API: by id, and lists of them."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Table, select

from producers.http.moments import of_id
from schemas.statuses import CREDIT_REQUEST_STATUSES, WITHDRAWAL_STATUSES
from schemas.tables import credit_requests, withdrawals


class WithdrawalRow(msgspec.Struct, frozen=True, gc=False):
    """A withdrawal as it is now."""

    id: str
    wallet_id: str
    status: str
    amount_minor: int
    currency: str
    due_at: datetime
    target: str | None
    reason: str | None
    created_at: datetime
    changed_at: datetime


class CreditRequestRow(msgspec.Struct, frozen=True, gc=False):
    """A credit request as it is now."""

    id: str
    number: int
    wallet_id: str
    status: str
    amount_minor: int
    currency: str
    by: str | None
    reason: str | None
    requested_at: datetime
    changed_at: datetime


class Wanted(msgspec.Struct, frozen=True):
    """Which of them: so many, made before one, of a wallet, in a status."""

    count: int
    before: str | None = None
    wallet_id: str | None = None
    status: str | None = None


def withdrawal(connection: Connection, withdrawal_id: str) -> WithdrawalRow | None:
    """A withdrawal; None where there is none."""
    query = select(withdrawals).where(withdrawals.c.withdrawal_id == withdrawal_id)
    row = connection.execute(query).one_or_none()
    return _withdrawal(row) if row else None


def newest_withdrawals(connection: Connection, wanted: Wanted) -> list[WithdrawalRow]:
    """Those scheduled last first."""
    query = _newest(withdrawals, "withdrawal_id", wanted, WITHDRAWAL_STATUSES)
    return [_withdrawal(row) for row in connection.execute(query)]


def credit_request(connection: Connection, credit_request_id: str) -> CreditRequestRow | None:
    """A credit request; None where there is none."""
    query = select(credit_requests).where(credit_requests.c.credit_request_id == credit_request_id)
    row = connection.execute(query).one_or_none()
    return _credit_request(row) if row else None


def newest_credit_requests(connection: Connection, wanted: Wanted) -> list[CreditRequestRow]:
    """Those made last first."""
    query = _newest(credit_requests, "credit_request_id", wanted, CREDIT_REQUEST_STATUSES)
    return [_credit_request(row) for row in connection.execute(query)]


def _newest(table: Table, name: str, wanted: Wanted, statuses: tuple[str, ...]) -> Select[Any]:
    query = select(table).order_by(table.c[name].desc()).limit(wanted.count)
    if wanted.before is not None:
        query = query.where(table.c[name] < wanted.before)
    if wanted.wallet_id is not None:
        query = query.where(table.c.wallet_id == wanted.wallet_id)
    if wanted.status is not None:
        query = query.where(table.c.status == statuses.index(wanted.status))
    return query


def _withdrawal(row: Row[Any]) -> WithdrawalRow:
    return WithdrawalRow(
        id=row.withdrawal_id,
        wallet_id=row.wallet_id,
        status=WITHDRAWAL_STATUSES[row.status],
        amount_minor=int(row.amount_minor),
        currency=row.currency,
        due_at=row.due_at,
        target=row.target,
        reason=row.reason,
        created_at=of_id(row.withdrawal_id),
        changed_at=row.changed_at,
    )


def _credit_request(row: Row[Any]) -> CreditRequestRow:
    return CreditRequestRow(
        id=row.credit_request_id,
        number=row.number,
        wallet_id=row.wallet_id,
        status=CREDIT_REQUEST_STATUSES[row.status],
        amount_minor=int(row.amount_minor),
        currency=row.currency,
        by=row.by,
        reason=row.reason,
        requested_at=row.requested_at,
        changed_at=row.changed_at,
    )
