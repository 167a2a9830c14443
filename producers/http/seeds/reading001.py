"""The transactions of a wallet as service 001 knows them: deposits and withdrawals.

Every change of the balance is one: what comes in is a deposit, what goes out a withdrawal. A
scheduled withdrawal is one transaction from its command on; the steps it takes are not.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    cast,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSON

from producers.http.moments import of_id
from schemas.identifiers import place_of
from schemas.statuses import WITHDRAWAL_STATUSES
from schemas.tables import bank_calls, commands, entries, withdrawals

LIMIT: Final = 1000
"""Most transactions in one answer, the newest first."""

STATUSES: Final = {
    "PENDING": ("scheduled",),
    "PROCESSING": ("executing", "needs_review"),
    "COMPLETED": ("paid",),
    "FAILED": ("failed", "cancelled"),
}
"""Status as the service says it -> statuses of a withdrawal. All else is COMPLETED."""

_OWN_STEPS: Final = ("withdrawal.execute.v1", "withdrawal.fail.v1")
"""Steps of a wallet's own withdrawal that move its money."""


class WithdrawalFacts(msgspec.Struct, frozen=True, gc=False):
    """What became of a withdrawal; `calls` of the bank were begun, `status` is the ledger's."""

    status: str
    amount_minor: int
    due_at: datetime
    changed_at: datetime
    reason: str | None
    calls: int


class TransactionRow(msgspec.Struct, frozen=True, gc=False):
    """One transaction: where its command stands, and what it did to the balance."""

    transaction_id: str
    partition: int
    offset: int
    amount_minor: int
    recorded_at: datetime
    withdrawal: WithdrawalFacts | None


def transactions(
    connection: Connection,
    wallet_id: str,
    status: str | None = None,
    kind: str | None = None,
    before: tuple[int, int] | None = None,
) -> list[TransactionRow]:
    """The newest transactions, at most LIMIT; none for an unknown wallet.

    `status` is a key of STATUSES, `kind` DEPOSIT or WITHDRAWAL; others are of no transaction.
    `before` is the place (partition, offset) of the last one of the page before.
    """
    query = _all(wallet_id)
    if status is not None:
        query = query.where(_in_status(status))
    if kind is not None:
        query = query.where(_of_kind(kind))
    if before is not None:
        query = query.where(entries.c.sequence < _sequence_at(wallet_id, *before))
    query = query.order_by(entries.c.sequence.desc()).limit(LIMIT)
    return [_transaction(row) for row in connection.execute(query)]


def transaction(
    connection: Connection, wallet_id: str, number: int, partitions: int
) -> TransactionRow | None:
    """The transaction with an integer id; None where the wallet has none such."""
    partition, offset = place_of(number, partitions)
    query = _all(wallet_id).where(commands.c.partition == partition, commands.c.offset == offset)
    row = connection.execute(query).one_or_none()
    return _transaction(row) if row else None


def _all(wallet_id: str) -> Select[Any]:
    told = cast(commands.c.result, JSON)["command"]["type"].as_string()
    return (
        select(
            entries.c.transaction_id,
            entries.c.amount_minor,
            commands.c.partition,
            commands.c.offset,
            withdrawals.c.withdrawal_id,
            withdrawals.c.status,
            withdrawals.c.amount_minor.label("withdrawn_minor"),
            withdrawals.c.due_at,
            withdrawals.c.changed_at,
            withdrawals.c.reason,
            func.coalesce(bank_calls.c.calls, 0).label("calls"),
        )
        .join(commands, commands.c.transaction_id == entries.c.transaction_id)
        .outerjoin(withdrawals, withdrawals.c.withdrawal_id == entries.c.transaction_id)
        .outerjoin(bank_calls, bank_calls.c.withdrawal_id == entries.c.transaction_id)
        .where(
            entries.c.account_id == wallet_id,
            entries.c.sequence.is_not(None),
            or_(entries.c.amount_minor != 0, withdrawals.c.withdrawal_id.is_not(None)),
            told.not_in(_OWN_STEPS),
        )
    )


def _sequence_at(wallet_id: str, partition: int, offset: int) -> ScalarSelect[Any]:
    entry, command = entries.alias("entry"), commands.alias("command")
    return (
        select(entry.c.sequence)
        .join(command, command.c.transaction_id == entry.c.transaction_id)
        .where(
            entry.c.account_id == wallet_id,
            command.c.partition == partition,
            command.c.offset == offset,
        )
        .scalar_subquery()
    )


def _in_status(status: str) -> ColumnElement[bool]:
    if status not in STATUSES:
        return false()
    numbers = [WITHDRAWAL_STATUSES.index(name) for name in STATUSES[status]]
    found = withdrawals.c.status.in_(numbers)
    if status == "COMPLETED":
        return or_(found, withdrawals.c.withdrawal_id.is_(None))
    return found


def _of_kind(kind: str) -> ColumnElement[bool]:
    if kind == "DEPOSIT":
        return entries.c.amount_minor > 0
    if kind == "WITHDRAWAL":
        return entries.c.amount_minor <= 0
    return false()


def _transaction(row: Row[Any]) -> TransactionRow:
    return TransactionRow(
        transaction_id=row.transaction_id,
        partition=row.partition,
        offset=row.offset,
        amount_minor=int(row.amount_minor),
        recorded_at=of_id(row.transaction_id),
        withdrawal=_withdrawal(row) if row.withdrawal_id else None,
    )


def _withdrawal(row: Row[Any]) -> WithdrawalFacts:
    return WithdrawalFacts(
        status=WITHDRAWAL_STATUSES[row.status],
        amount_minor=int(row.withdrawn_minor),
        due_at=row.due_at,
        changed_at=row.changed_at,
        reason=row.reason,
        calls=row.calls,
    )
