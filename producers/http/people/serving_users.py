"""Users over HTTP: made, listed, shown."""

from typing import Any, Final

from pydantic import BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import not_found, wrong_field
from producers.http.people import reading
from producers.http.people.access import Access, forbidden
from producers.http.people.fields import Password, Phone, Username, UserType
from producers.http.people.making import make_user
from producers.http.people.paging import people_of
from producers.http.people.reading import UserRow
from producers.http.people.roles import USER_TYPES
from producers.http.people.users import FAMILY, Person
from producers.http.route import Asked, Route

SHORTEST: Final = 8
"""Characters of a password where logins are required."""


class NewUser(BaseModel):
    """Who it is.

    Unless `wallet` is false a wallet is opened; with `wallet_id` that one is the user's instead.
    """

    username: Username
    password: Password
    phone_number: Phone | None = None
    user_type: UserType = 3
    wallet: bool = True
    wallet_id: fields.Uuid | None = None


class UserBody(BaseModel):
    """A user. Types: 0 is an admin, 1 a seller, 3 a user."""

    id: int
    username: str
    phone_number: str | None
    user_type: int
    wallet_id: str | None
    role: str
    kyc_level: int
    is_active: bool


class UsersQuery(BaseModel):
    """Those after an id, at most so many."""

    after: fields.Whole = 0
    limit: fields.Whole = reading.LIMIT


async def create_user(asked: Asked) -> Answer:
    """Make a user."""
    wanted: NewUser = asked.body
    if asked.gateway.settings.http_logins == "required" and len(wanted.password) < SHORTEST:
        words = "This password is too short. It must contain at least 8 characters."
        raise wrong_field("password", words)
    if wanted.wallet_id and await asked.gateway.facts(wanted.wallet_id) is None:
        raise wrong_field("wallet_id", "There is no such wallet.")
    person = Person(
        username=wanted.username,
        role=USER_TYPES[wanted.user_type],
        phone_number=wanted.phone_number,
        password_hash=await asked.gateway.people.passwords.hashed(wanted.password),
    )
    made = await make_user(
        asked, person, wanted.password, wallet_id=wanted.wallet_id, has_wallet=wanted.wallet
    )
    return Answer(user_body(made), 201)


async def list_users(asked: Asked) -> Answer:
    """Users in the order of their ids; where there are more, the Link header leads on."""
    found, headers = await people_of(asked, "/api/users/", reading.users_after, reading.LIMIT)
    return Answer([user_body(each) for each in found], headers=headers)


async def show_user(asked: Asked) -> Answer:
    """A user, to itself and to who sees all."""
    number = asked.path["id"]
    if number == asked.who.user_id:
        asked.rights.own_user()
    else:
        asked.rights.see_all()
    found = await asked.gateway.people.user(number)
    if found is None:
        raise not_found()
    return Answer(user_body(found))


async def show_me(asked: Asked) -> Answer:
    """The user who asks."""
    number = asked.who.user_id
    if number is None:
        raise forbidden("This key belongs to no user.")
    found = await asked.gateway.people.user(number)
    if found is None:
        raise not_found()
    return Answer(user_body(found))


def user_body(user: UserRow) -> dict[str, Any]:
    """A user as clients see it."""
    return {
        "id": user.id,
        "username": user.username,
        "phone_number": user.phone_number,
        "user_type": user.user_type,
        "wallet_id": user.wallet_id,
        "role": str(user.role),
        "kyc_level": user.kyc_level,
        "is_active": user.is_active,
    }


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/api/users", handler=create_user, family=FAMILY,
        access=Access.ADMIN, summary="Make a user, with a wallet", body=NewUser,
        answers={201: UserBody, 400: dict},
    ),
    Route(
        method="GET", path="/api/users", handler=list_users, family=FAMILY,
        access=Access.READ_ALL, summary="Users in the order of their ids", query=UsersQuery,
        answers={200: list[UserBody], 400: dict},
    ),
    Route(
        method="GET", path="/api/users/me", handler=show_me, family=FAMILY,
        access=Access.SIGNED_IN, summary="Who asks", answers={200: UserBody},
    ),
    Route(
        method="GET", path="/api/users/{id:integer}", handler=show_user, family=FAMILY,
        access=Access.HANDLER, summary="A user", answers={200: UserBody, 404: dict},
    ),
)  # fmt: skip
