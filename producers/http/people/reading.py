"""Queries of people, keys and tokens; for Reading.read()."""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from producers.http.people.principal import Principal
from producers.http.people.roles import Role, user_type
from schemas.tables_people import api_keys, tokens, users

LIMIT: Final = 1000
"""Most people in one answer."""


class UserRow(msgspec.Struct, frozen=True, gc=False):
    """A user as it is now."""

    id: int
    username: str
    phone_number: str | None
    role: Role
    wallet_id: str | None
    kyc_level: int
    is_active: bool
    created_at: datetime
    updated_at: datetime

    @property
    def user_type(self) -> int:
        """The number of the role: 0 admin, 1 seller, 3 user."""
        return user_type(self.role)

    @property
    def principal(self) -> Principal:
        """It, as who asks."""
        return Principal(
            kind="user",
            name=self.username,
            role=self.role,
            id=self.id,
            wallet_id=self.wallet_id,
            kyc_level=self.kyc_level,
            phone_number=self.phone_number,
        )


COLUMNS: Final = tuple(users.c[name] for name in UserRow.__struct_fields__)
"""What a UserRow is made of."""


class Login(msgspec.Struct, frozen=True, gc=False):
    """Somebody who may log in, and the hash of the password."""

    user: UserRow
    password_hash: str | None


def user(connection: Connection, number: int) -> UserRow | None:
    """The user with an id."""
    return _one(connection, users.c.id == number)


def user_by_name(connection: Connection, username: str) -> UserRow | None:
    """The user with a username."""
    return _one(connection, users.c.username == username)


def user_by_phone(connection: Connection, phone_number: str) -> UserRow | None:
    """The user with a phone number."""
    return _one(connection, users.c.phone_number == phone_number)


def user_by_wallet(connection: Connection, wallet_id: str) -> UserRow | None:
    """The user whose wallet it is."""
    return _one(connection, users.c.wallet_id == wallet_id)


def users_after(connection: Connection, number: int = 0, most: int = LIMIT) -> list[UserRow]:
    """Users in the order of their ids, those after an id."""
    query = _made().where(users.c.id > number).order_by(users.c.id).limit(most)
    return [user_of(found) for found in connection.execute(query)]


def login(connection: Connection, username: str) -> Login | None:
    """Who logs in under a name; none where nobody may."""
    query = _made(users.c.password_hash).where(users.c.username == username, users.c.is_active)
    found = connection.execute(query).one_or_none()
    return Login(user_of(found), found.password_hash) if found else None


def principal_of_token(connection: Connection, digest: bytes) -> Principal | None:
    """Whose a token is, while it lasts."""
    query = (
        _made()
        .join(tokens, tokens.c.user_id == users.c.id)
        .where(tokens.c.hash == digest, tokens.c.expires_at > func.now(), users.c.is_active)
    )
    found = connection.execute(query).one_or_none()
    return user_of(found).principal if found else None


def principal_of_key(connection: Connection, digest: bytes) -> Principal | None:
    """Whose a key is, while it lasts: its user's, or its own."""
    lasts = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now())
    query = select(api_keys).where(
        api_keys.c.hash == digest, api_keys.c.revoked_at.is_(None), lasts
    )
    key = connection.execute(query).one_or_none()
    if key is None:
        return None
    scopes = frozenset(key.scopes)
    if key.user_id is None:
        return Principal("key", key.name, Role(key.role), id=key.id, scopes=scopes)
    owner = _one(connection, users.c.id == key.user_id, users.c.is_active)
    return msgspec.structs.replace(owner.principal, scopes=scopes) if owner else None


def _one(connection: Connection, *conditions: ColumnElement[bool]) -> UserRow | None:
    found = connection.execute(_made().where(*conditions)).one_or_none()
    return user_of(found) if found else None


def _made(*more: Any) -> Select[Any]:  # noqa: ANN401 - columns
    """Users that are made."""
    return select(*COLUMNS, *more).where(users.c.made_at.is_not(None))


def user_of(found: Any) -> UserRow:  # noqa: ANN401 - SQLAlchemy's row
    """A user from a row of COLUMNS."""
    said = {name: getattr(found, name) for name in UserRow.__struct_fields__}
    return UserRow(**{**said, "role": Role(found.role)})
