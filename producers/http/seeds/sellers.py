"""Who the sellers of service 003 are: the one thing of theirs that is no command.

A seller's row reserves its e-mail and its phone, then its wallet is opened, then the row gets its
number, and the seller is there. What broke off in between is gone on with, by the same e-mail.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, Update, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from producers.http.reading import Reading
from producers.http.seeds import reading003
from schemas.settings import Settings
from schemas.tables import sellers

THREADS: Final = 2
KNOWN_MAX: Final = 50_000
"""Sellers whose wallets are kept in memory; some 200 bytes each."""

BROKEN_OFF: Final = timedelta(minutes=5)
"""A seller that is not made after so long holds its phone no longer against another e-mail."""

UNIQUE: Final = ("email", "phone")


class Profile(msgspec.Struct, frozen=True):
    """What a seller says of itself."""

    name: str
    email: str
    phone: str


class Reserved(msgspec.Struct, frozen=True):
    """A seller's row; with a number when this very request has been done before."""

    wallet_id: str
    number: int | None = None


class TakenError(Exception):
    """Another seller has these fields, of UNIQUE; none when its wallet's id is used otherwise."""

    def __init__(self, *fields: str) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class Sellers:
    """The rows of the sellers, and their wallets, mostly from memory.

    Who counts by phone holds `counting`, so that seldom more than one thread is busy with it.
    """

    def __init__(self, settings: Settings, reading: Reading) -> None:
        self._reading = reading
        self._writing = Reading(settings, threads=THREADS, read_only=False)
        self._wallets: OrderedDict[int, str] = OrderedDict()
        self.counting = asyncio.Lock()

    async def wallet_of(self, number: int) -> str | None:
        """The wallet of a seller; it never changes. None where there is no such seller."""
        known = self._wallets.get(number)
        if known is None:
            known = await self._reading.read(reading003.wallet_of, number)
            if known:
                self._wallets[number] = known
                if len(self._wallets) > KNOWN_MAX:
                    self._wallets.popitem(last=False)
        return known

    async def reserve(self, profile: Profile, wallet_id: str) -> Reserved:
        """A row for a seller to be made, or the one where it was broken off. Raises TakenError."""
        return await self._writing.read(_reserve, profile, wallet_id)

    async def finish(self, profile: Profile, wallet_id: str, number: int) -> bool:
        """Make a reserved seller one; False when another request has. Raises TakenError."""
        return await self._writing.read(_finish, profile, wallet_id, number)

    async def change(self, number: int, changes: Mapping[str, str]) -> None:
        """Write fields of a profile. Raises TakenError."""
        await self._writing.read(_change, number, changes)

    async def count_phones(self) -> bool:
        """Count some sales by phone that are not counted yet; whether there were any."""
        return await self._writing.read(reading003.count_phones)

    def close(self) -> None:
        """Let the connections go."""
        self._writing.close()


def _reserve(connection: Connection, profile: Profile, wallet_id: str) -> Reserved:
    if _is_inserted(connection, profile, wallet_id):
        return Reserved(wallet_id)
    mine = or_(sellers.c.email == profile.email, sellers.c.wallet_id == wallet_id)
    own = connection.execute(select(sellers).where(mine)).all()
    for row in own:
        if row.email == profile.email and row.number is None:
            return Reserved(row.wallet_id)
        if row.wallet_id == wallet_id:
            if profile == Profile(row.name, row.email, row.phone):
                return Reserved(wallet_id, row.number)
            raise TakenError
    connection.execute(
        delete(sellers).where(
            sellers.c.phone == profile.phone,
            sellers.c.number.is_(None),
            sellers.c.created_at < datetime.now(UTC) - BROKEN_OFF,
        )
    )
    if _is_inserted(connection, profile, wallet_id):
        return Reserved(wallet_id)
    raise TakenError(*_taken(connection, profile))


def _is_inserted(connection: Connection, profile: Profile, wallet_id: str) -> bool:
    now = datetime.now(UTC)
    row = {"wallet_id": wallet_id, "created_at": now, "updated_at": now}
    said = msgspec.structs.asdict(profile)
    made = insert(sellers).values(**row, **said).on_conflict_do_nothing()
    return connection.execute(made).rowcount == 1


def _taken(connection: Connection, profile: Profile) -> list[str]:
    """The fields that other sellers have; the e-mail where they have just let go of them."""
    taken = [
        name
        for name in UNIQUE
        if connection.execute(
            select(1).where(sellers.c[name] == getattr(profile, name))
        ).one_or_none()
    ]
    return taken or ["email"]


def _finish(connection: Connection, profile: Profile, wallet_id: str, number: int) -> bool:
    own = update(sellers).where(sellers.c.wallet_id == wallet_id, sellers.c.number.is_(None))
    now = datetime.now(UTC)
    said = {"name": profile.name, "phone": profile.phone}
    made = own.values(number=number, created_at=now, updated_at=now, **said)
    return _written(connection, made) == 1


def _change(connection: Connection, number: int, changes: Mapping[str, str]) -> None:
    own = update(sellers).where(sellers.c.number == number)
    _written(connection, own.values(updated_at=datetime.now(UTC), **changes))


def _written(connection: Connection, change: Update) -> int:
    try:
        return connection.execute(change).rowcount
    except IntegrityError as error:
        constraint = str(error.orig)
        raise TakenError(
            *[name for name in UNIQUE if f"sellers_{name}_key" in constraint]
        ) from None
