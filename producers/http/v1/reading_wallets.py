"""Reads wallets for the API: one, and lists of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, select

from schemas.statuses import STATUSES
from schemas.tables import profiles, wallets


class WalletRow(msgspec.Struct, frozen=True, gc=False):
    """A wallet as it is now, and whose it is."""

    wallet_id: str
    currency: str
    balance_minor: int
    status: str
    sequence: int
    created_at: datetime
    updated_at: datetime
    owner: dict[str, str] | None
    metadata: dict[str, str] | None


def wallet(connection: Connection, wallet_id: str) -> WalletRow | None:
    """A wallet; None where there is none."""
    row = connection.execute(_WALLETS.where(wallets.c.wallet_id == wallet_id)).one_or_none()
    return _wallet(row) if row else None


def by_id(connection: Connection, wallet_ids: Sequence[str]) -> dict[str, WalletRow]:
    """Those that are there, by id."""
    rows = connection.execute(_WALLETS.where(wallets.c.wallet_id.in_(wallet_ids)))
    return {row.wallet_id: _wallet(row) for row in rows}


def several(
    connection: Connection,
    count: int,
    after: str | None = None,
    currency: str | None = None,
    status: str | None = None,
) -> list[WalletRow]:
    """Wallets by id, after one."""
    query = _WALLETS
    if after is not None:
        query = query.where(wallets.c.wallet_id > after)
    if currency is not None:
        query = query.where(wallets.c.currency == currency)
    if status is not None:
        query = query.where(wallets.c.status == STATUSES.index(status))
    query = query.order_by(wallets.c.wallet_id).limit(count)
    return [_wallet(row) for row in connection.execute(query)]


_WALLETS: Final[Select[Any]] = select(
    wallets.c.wallet_id,
    wallets.c.currency,
    wallets.c.balance_minor,
    wallets.c.status,
    wallets.c.sequence,
    wallets.c.updated_at,
    profiles.c.created_at,
    profiles.c.owner,
    profiles.c.metadata,
).outerjoin(profiles, profiles.c.wallet_id == wallets.c.wallet_id)


def _wallet(row: Row[Any]) -> WalletRow:
    return WalletRow(
        wallet_id=row.wallet_id,
        currency=row.currency,
        balance_minor=int(row.balance_minor),
        status=STATUSES[row.status],
        sequence=row.sequence,
        created_at=row.created_at or row.updated_at,
        updated_at=row.updated_at,
        owner=row.owner,
        metadata=row.metadata,
    )
