"""Changes of users and keys, each in a transaction; what was given out for a password ends with it.

Gateways know logins, tokens and keys for some seconds (people.KNOWN_SECONDS): a change takes
effect within them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from producers.http.people import bearers
from producers.http.people.roles import Role
from schemas.tables_people import api_keys, http_audit, tokens, users

KYC_LEVELS: Final = 10
"""Levels from 0 to one less."""


class KeyRow(msgspec.Struct, frozen=True):
    """An API key, without its secret."""

    id: int
    name: str
    prefix: str
    user_id: int | None
    role: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def set_role(connection: Connection, user_id: int, role: Role) -> None:
    """Make somebody something else."""
    _change(connection, user_id, role=str(role))


def set_kyc(connection: Connection, user_id: int, level: int) -> None:
    """Write how well somebody is known, from 0."""
    assert 0 <= level < KYC_LEVELS
    _change(connection, user_id, kyc_level=level)


def set_active(connection: Connection, user_id: int, *, is_active: bool) -> None:
    """Let somebody in, or no longer: then all tokens end."""
    _change(connection, user_id, is_active=is_active)
    if not is_active:
        end_tokens(connection, user_id)


def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """Write another password's hash; all tokens end."""
    _change(connection, user_id, password_hash=password_hash)
    end_tokens(connection, user_id)


def end_tokens(connection: Connection, user_id: int) -> None:
    """End all tokens of a user."""
    connection.execute(delete(tokens).where(tokens.c.user_id == user_id))


def make_key(
    connection: Connection,
    name: str,
    owner: int | Role,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> tuple[str, KeyRow]:
    """A new key of a user, by its id, or of a role; its secret is given here and never again."""
    secret = bearers.new_key()
    row = {
        "name": name,
        "prefix": secret[: bearers.SHOWN],
        "user_id": owner if isinstance(owner, int) else None,
        "role": None if isinstance(owner, int) else str(owner),
        "scopes": [*scopes],
        "created_at": datetime.now(UTC),
        "expires_at": expires_at,
        "hash": bearers.hash_of(secret),
    }
    made = insert(api_keys).values(row).returning(api_keys.c.id)
    number = connection.execute(made).scalar_one()
    return secret, next(key for key in keys(connection) if key.id == number)


def keys(connection: Connection) -> list[KeyRow]:
    """All keys, the oldest first."""
    columns = [api_keys.c[name] for name in KeyRow.__struct_fields__]
    found = connection.execute(select(*columns).order_by(api_keys.c.id))
    return [KeyRow(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's public name


def revoke_key(connection: Connection, number: int) -> bool:
    """End a key for ever; False where there is none that lasts."""
    own = update(api_keys).where(api_keys.c.id == number, api_keys.c.revoked_at.is_(None))
    return connection.execute(own.values(revoked_at=datetime.now(UTC))).rowcount == 1


def note(connection: Connection, row_id: str, by: str, what: str) -> None:
    """Write into the audit log what was done beside HTTP."""
    row = {
        "id": row_id,
        "asked_at": datetime.now(UTC),
        "status": 0,
        "principal": by,
        "role": str(Role.ADMIN),
        "address": "local",
        "method": "CLI",
        "path": what,
        "request_id": row_id,
        "command_ids": [],
    }
    connection.execute(insert(http_audit).values(row))


def _change(connection: Connection, user_id: int, **changes: object) -> None:
    own = update(users).where(users.c.id == user_id)
    connection.execute(own.values(updated_at=datetime.now(UTC), **changes))
