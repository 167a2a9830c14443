"""A wallet as it is now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select

from schemas.tables import profiles, wallets


class WalletFacts(msgspec.Struct, frozen=True, gc=False):
    """What never changes of a wallet."""

    wallet_id: str
    currency: str
    created_at: datetime


class WalletRow(msgspec.Struct, frozen=True, gc=False):
    """A wallet as it is now; `status` is a position in schemas.statuses."""

    wallet_id: str
    currency: str
    balance_minor: int
    status: int
    created_at: datetime
    updated_at: datetime


def facts(connection: Connection, wallet_id: str) -> WalletFacts | None:
    """What never changes of a wallet; None where there is none."""
    row = _row(connection, wallet_id)
    return WalletFacts(row.wallet_id, row.currency, row.created_at) if row else None


def wallet(connection: Connection, wallet_id: str) -> WalletRow | None:
    """A wallet as it is now; None where there is none."""
    row = _row(connection, wallet_id)
    return wallet_of(row) if row else None


def several(connection: Connection, wallet_ids: Sequence[str]) -> dict[str, WalletRow]:
    """Those that are there, by id, as they are now."""
    rows = connection.execute(WALLETS.where(wallets.c.wallet_id.in_(wallet_ids)))
    return {row.wallet_id: wallet_of(row) for row in rows}


def wallet_of(row: Row[Any]) -> WalletRow:
    """A wallet from a row of WALLETS."""
    return WalletRow(
        wallet_id=row.wallet_id,
        currency=row.currency,
        balance_minor=int(row.balance_minor),
        status=row.status,
        created_at=row.created_at or row.updated_at,
        updated_at=row.updated_at,
    )


WALLETS: Select[Any] = select(
    wallets.c.wallet_id,
    wallets.c.currency,
    wallets.c.balance_minor,
    wallets.c.status,
    wallets.c.updated_at,
    profiles.c.created_at,
).outerjoin(profiles, profiles.c.wallet_id == wallets.c.wallet_id)
"""All wallets, with the moment they were opened at."""


def _row(connection: Connection, wallet_id: str) -> Row[Any] | None:
    return connection.execute(WALLETS.where(wallets.c.wallet_id == wallet_id)).one_or_none()
