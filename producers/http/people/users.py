"""Makes users: the row reserves the name and the phone, then the wallet is opened, then it is made.

What broke off in between is gone on with, by the same name, as in producers.http.seeds.sellers.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from producers.http.people.reading import COLUMNS, UserRow, user_of
from producers.http.people.roles import Role
from producers.http.reading import Reading
from schemas.tables_people import users

BROKEN_OFF: Final = timedelta(minutes=5)
"""A user that is not made after so long holds its phone no longer against another name."""

FAMILY: Final = "people"
"""Wallets of users are opened in its name, whichever service the user came by."""

UNIQUE: Final = ("username", "phone_number", "wallet_id")


class Person(msgspec.Struct, frozen=True):
    """Who a user shall be. Without a hash nobody can log in with a password."""

    username: str
    role: Role
    phone_number: str | None = None
    password_hash: str | None = None
    kyc_level: int = 0


class Reserved(msgspec.Struct, frozen=True):
    """A user's row, and the wallet to open for it.

    `id` is set when this very request has been done before; then `password_hash` is that of then.
    """

    opens: str
    id: int | None = None
    password_hash: str | None = None


class TakenError(Exception):
    """Another user has these fields, of UNIQUE; none when the request's key is used otherwise."""

    def __init__(self, *fields: str) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


def opening_id(wallet_id: str) -> str:
    """The id of the command that opens a user's wallet: the same for whoever goes on with it."""
    return f"user:{wallet_id}"


class Users:
    """Writes the rows of people."""

    def __init__(self, writing: Reading) -> None:
        self._writing = writing

    async def reserve(self, person: Person, opens: str) -> Reserved:
        """A row for a user to be made, or the one where it was broken off. Raises TakenError."""
        return await self._writing.read(reserve, person, opens)

    async def finish(self, person: Person, opens: str, wallet_id: str | None) -> UserRow | None:
        """Make a reserved user one, and give it; None when another request has.

        Raises TakenError.
        """
        return await self._writing.read(finish, person, opens, wallet_id)


def reserve(connection: Connection, person: Person, opens: str) -> Reserved:
    """As Users.reserve()."""
    if _is_inserted(connection, person, opens):
        return Reserved(opens)
    mine = or_(users.c.username == person.username, users.c.opens == opens)
    for row in connection.execute(select(users).where(mine)).all():
        if row.username == person.username and row.made_at is None:
            return Reserved(row.opens)
        if row.opens == opens:
            same = (row.username, row.phone_number, row.role)
            if same == (person.username, person.phone_number, person.role):
                return Reserved(opens, row.id, row.password_hash)
            raise TakenError
    if person.phone_number is not None:
        _let_go(connection, person.phone_number)
    if _is_inserted(connection, person, opens):
        return Reserved(opens)
    raise TakenError(*_taken(connection, person))


def finish(
    connection: Connection, person: Person, opens: str, wallet_id: str | None
) -> UserRow | None:
    """As Users.finish()."""
    now = datetime.now(UTC)
    own = update(users).where(users.c.opens == opens, users.c.made_at.is_(None))
    said = msgspec.structs.asdict(person)
    made = own.values(**said, wallet_id=wallet_id, created_at=now, updated_at=now, made_at=now)
    try:
        row = connection.execute(made.returning(*COLUMNS)).one_or_none()
    except IntegrityError as error:
        constraint = str(error.orig)
        taken = [name for name in UNIQUE if f"users_{name}_key" in constraint]
        raise TakenError(*taken) from None
    return user_of(row) if row else None


def _let_go(connection: Connection, phone_number: str) -> None:
    """Delete who was being made with this phone, and was abandoned."""
    connection.execute(
        delete(users).where(
            users.c.phone_number == phone_number,
            users.c.made_at.is_(None),
            users.c.created_at < datetime.now(UTC) - BROKEN_OFF,
        )
    )


def _is_inserted(connection: Connection, person: Person, opens: str) -> bool:
    now = datetime.now(UTC)
    row = {"opens": opens, "created_at": now, "updated_at": now}
    made = insert(users).values(**row, **msgspec.structs.asdict(person)).on_conflict_do_nothing()
    return connection.execute(made).rowcount == 1


def _taken(connection: Connection, person: Person) -> list[str]:
    """The fields that other users have; the name where they have just let go of them."""
    said = {"username": person.username, "phone_number": person.phone_number}
    taken = [
        name
        for name, value in said.items()
        if value is not None
        and connection.execute(select(1).where(users.c[name] == value)).one_or_none()
    ]
    return taken or ["username"]
