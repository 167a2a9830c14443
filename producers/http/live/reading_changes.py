"""The changes of a wallet that stand in PostgreSQL, page by page."""

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, select

from producers.http.live.changes import Entry, Told, of_entry
from schemas.money import show
from schemas.tables import commands, entries, wallets

PAGE: Final = 500
"""Changes read at once."""


class Standing(NamedTuple):
    """Where a wallet stands."""

    wallet_id: str
    sequence: int
    balance: str
    currency: str


def standing(connection: Connection, wallet_id: str) -> Standing | None:
    """Where a wallet stands; None where there is none."""
    query = select(wallets.c.sequence, wallets.c.balance_minor, wallets.c.currency)
    row = connection.execute(query.where(wallets.c.wallet_id == wallet_id)).one_or_none()
    if row is None:
        return None
    return Standing(
        wallet_id, row.sequence, show(int(row.balance_minor), row.currency), row.currency
    )


def changes(connection: Connection, wallet_id: str, after: int) -> list[Told]:
    """The next changes after a sequence, in order and without gaps, at most PAGE."""
    wanted = (entries.c.account_id == wallet_id, entries.c.sequence > after)
    return _told(connection, _CHANGES.where(*wanted).order_by(entries.c.sequence).limit(PAGE))


def changes_of(connection: Connection, transaction_id: str, most: int) -> list[Told]:
    """What the events of a transaction say: one change for each wallet."""
    wanted = (entries.c.transaction_id == transaction_id, entries.c.sequence.is_not(None))
    return _told(connection, _CHANGES.where(*wanted).limit(most))


_CHANGES: Final[Select[Any]] = select(
    entries.c.account_id,
    entries.c.sequence,
    entries.c.amount_minor,
    entries.c.balance_minor,
    entries.c.currency,
    commands.c.result,
    commands.c.details,
).join(commands, commands.c.transaction_id == entries.c.transaction_id)


def _told(connection: Connection, query: Select[Any]) -> list[Told]:
    return [
        of_entry(
            Entry(
                wallet_id=row.account_id,
                sequence=row.sequence,
                amount_minor=int(row.amount_minor),
                balance_minor=int(row.balance_minor),
                currency=row.currency,
                result=row.result,
                details=row.details,
            )
        )
        for row in connection.execute(query)
    ]
