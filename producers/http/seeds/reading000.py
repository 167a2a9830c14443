"""What service 000 reads: who has a phone, and which credit request a number names."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, select

from producers.http.people.roles import Role
from schemas.tables import credit_requests
from schemas.tables_people import users


class Owner(msgspec.Struct, frozen=True, gc=False):
    """A user, by the phone."""

    phone_number: str
    username: str
    role: Role
    wallet_id: str | None
    is_active: bool


class Request(msgspec.Struct, frozen=True, gc=False):
    """A credit request, as commands name it."""

    credit_request_id: str
    wallet_id: str


def owners(connection: Connection, phones: Collection[str]) -> dict[str, Owner]:
    """The users of those phones that have one."""
    columns = [users.c[name] for name in Owner.__struct_fields__]
    query = select(*columns).where(users.c.phone_number.in_(phones), users.c.made_at.is_not(None))
    return {
        row.phone_number: Owner(
            row.phone_number, row.username, Role(row.role), row.wallet_id, row.is_active
        )
        for row in connection.execute(query)
    }


def credit_request(connection: Connection, number: int) -> Request | None:
    """The credit request with a number, whoever has asked for it."""
    query = select(credit_requests.c.credit_request_id, credit_requests.c.wallet_id).where(
        credit_requests.c.number == number
    )
    row = connection.execute(query).one_or_none()
    return Request(row.credit_request_id, row.wallet_id) if row else None
