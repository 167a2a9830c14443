"""A wallet as service 004 shows it: with its withdrawals, and with those that pay it."""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, select

from producers.http.moments import of_id
from producers.http.reading_wallets import WALLETS, WalletRow, wallet_of
from schemas.statuses import WITHDRAWAL_STATUSES
from schemas.tables import wallets, withdrawals

LIMIT: Final = 500
"""Most transactions of a wallet that are shown each way: the newest."""


class WithdrawalRow(msgspec.Struct, frozen=True, gc=False):
    """A withdrawal as it is now."""

    withdrawal_id: str
    amount_minor: int
    currency: str
    due_at: datetime
    status: str
    reason: str | None
    created_at: datetime
    changed_at: datetime


class WalletPage(msgspec.Struct, frozen=True, gc=False):
    """A wallet with what leaves it and what comes to it, the oldest first."""

    wallet: WalletRow
    outgoing: list[WithdrawalRow]
    incoming: list[WithdrawalRow]


def page(connection: Connection, wallet_id: str) -> WalletPage | None:
    """A wallet and its withdrawals; None where there is none."""
    row = connection.execute(WALLETS.where(wallets.c.wallet_id == wallet_id)).one_or_none()
    if row is None:
        return None
    outgoing = _ALL.where(withdrawals.c.wallet_id == wallet_id)
    incoming = _ALL.where(withdrawals.c.target == wallet_id)
    return WalletPage(wallet_of(row), _newest(connection, outgoing), _newest(connection, incoming))


def _newest(connection: Connection, query: Select[Any]) -> list[WithdrawalRow]:
    newest = query.order_by(withdrawals.c.withdrawal_id.desc()).limit(LIMIT)
    return [_withdrawal(row) for row in connection.execute(newest)][::-1]


_ALL: Final[Select[Any]] = select(withdrawals)


def _withdrawal(row: Row[Any]) -> WithdrawalRow:
    return WithdrawalRow(
        withdrawal_id=row.withdrawal_id,
        amount_minor=int(row.amount_minor),
        currency=row.currency,
        due_at=row.due_at,
        status=WITHDRAWAL_STATUSES[row.status],
        reason=row.reason,
        created_at=of_id(row.withdrawal_id),
        changed_at=row.changed_at,
    )
