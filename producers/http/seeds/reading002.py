"""What service 002 reads: the transfers of a wallet, who is on the other side, users to send to."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, case, select

from schemas import identifiers, results
from schemas.tables import commands, entries
from schemas.tables_people import users

CHANGES: Final = 1000
"""So many changes of a balance are looked through for transfers by one request, the newest."""

PEOPLE: Final = 5000
"""Most users in one answer."""

KIND: Final = "transfer.v1"
_NEWEST: Final = identifiers.MAX_BIGINT


class Change(msgspec.Struct, frozen=True, gc=False):
    """A transfer as it changed a wallet: minor units, negative where money was sent.

    `other` is the wallet on the other side; partition and offset are its command's.
    """

    amount_minor: int
    currency: str
    other: str
    partition: int
    offset: int
    recorded_at: str


class Changes(msgspec.Struct, frozen=True, gc=False):
    """Transfers, the newest first; `before` leads on to older ones, where there may be any."""

    transfers: list[Change]
    before: int | None


class Person(msgspec.Struct, frozen=True, gc=False):
    """A user, by its id and its name."""

    id: int
    username: str


def transfers(connection: Connection, wallet_id: str, before: int | None = None) -> Changes:
    """The transfers among the newest changes of a wallet, those before a sequence."""
    newest = (
        select(entries)
        .where(
            entries.c.account_id == wallet_id,
            entries.c.sequence.is_not(None),
            entries.c.sequence < (before or _NEWEST),
        )
        .order_by(entries.c.sequence.desc())
        .limit(CHANGES)
        .subquery("newest")
    )
    # What is no transfer for certain need not come here; a source may be called like one.
    may_be = commands.c.result.contains(f'"type":"{KIND}"', autoescape=True)
    query = (
        select(
            newest.c.sequence,
            newest.c.amount_minor,
            newest.c.currency,
            case((may_be, commands.c.result)).label("result"),
        )
        .join(commands, commands.c.transaction_id == newest.c.transaction_id)
        .order_by(newest.c.sequence.desc())
    )
    rows = connection.execute(query).all()
    found = [_change(row, wallet_id) for row in rows if row.result]
    is_full = len(rows) == CHANGES
    return Changes([each for each in found if each], rows[-1].sequence if is_full else None)


def _change(row: Any, wallet_id: str) -> Change | None:  # noqa: ANN401 - a row of that statement
    told = results.decode(row.result)
    if told.command.type != KIND:
        return None
    # A transfer looks at two wallets, and tells both.
    (other,) = told.sequences.keys() - {wallet_id}
    return Change(
        amount_minor=int(row.amount_minor),
        currency=row.currency,
        other=other,
        partition=told.command.partition,
        offset=told.command.offset,
        recorded_at=told.recorded_at,
    )


def parties(
    connection: Connection, partition: int, offset: int, recorded_at: datetime
) -> frozenset[str]:
    """The two wallets of the transfer that stands there and was recorded in that second.

    None where there is no such transfer.
    """
    begin = int(recorded_at.timestamp()) * 1000
    end = begin + timedelta(seconds=1) // timedelta(milliseconds=1)
    # The ids of transactions begin with their milliseconds: so the index finds that second.
    query = select(commands.c.result).where(
        commands.c.transaction_id >= _least(begin),
        commands.c.transaction_id < _least(end),
        commands.c.partition == partition,
        commands.c.offset == offset,
    )
    text = connection.execute(query).scalar_one_or_none()
    told = results.decode(text) if text else None
    return frozenset(told.sequences) if told and told.command.type == KIND else frozenset()


def _least(milliseconds: int) -> str:
    """The least UUID that begins with a moment."""
    return identifiers.transaction_id(milliseconds, 0, 0, "0" * 32)[:13] + "-0000-0000-000000000000"


def people_of(connection: Connection, wallets: Collection[str]) -> dict[str, Person]:
    """The users of those wallets that have one."""
    query = _made(users.c.wallet_id.in_(wallets))
    return {row.wallet_id: Person(row.id, row.username) for row in connection.execute(query)}


def people(connection: Connection, after: int, limit: int) -> list[Person]:
    """Users with a wallet, in the order of their ids, those after an id."""
    may_get = users.c.wallet_id.is_not(None) & users.c.is_active & (users.c.id > after)
    query = _made(may_get).order_by(users.c.id).limit(limit)
    return [Person(row.id, row.username) for row in connection.execute(query)]


def _made(condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a statement of three columns
    columns = (users.c.id, users.c.username, users.c.wallet_id)
    return select(*columns).where(condition, users.c.made_at.is_not(None))
