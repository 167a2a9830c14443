"""Tokens over HTTP: got for a password, sent instead of it, ended."""

from typing import Final, Literal

from pydantic import BaseModel

from producers.http.answers import Answer
from producers.http.errors import detail
from producers.http.moments import shown
from producers.http.people.access import Access, forbidden
from producers.http.people.bearers import TOKEN_PREFIX
from producers.http.people.credentials import AUTHORIZATION, Basic
from producers.http.people.fields import Password, Username
from producers.http.people.users import FAMILY
from producers.http.route import Asked, Route


class NewToken(BaseModel):
    """A name and its password, unless they are sent as Basic."""

    username: Username | None = None
    password: Password | None = None


class TokenBody(BaseModel):
    """What to send as "Authorization: Bearer ..."."""

    token: str
    token_type: Literal["Bearer"]
    expires_at: str
    user_id: int


async def create_token(asked: Asked) -> Answer:
    """Give a token for a password."""
    wanted: NewToken = asked.body
    credentials = asked.gateway.entrance.credentials
    if wanted.username is not None and wanted.password is not None:
        who = await credentials.log_in(Basic(wanted.username, wanted.password), asked.address)
    else:
        who = await credentials.of_basic(asked.headers, asked.address)
    if who.user_id is None:
        raise forbidden()
    asked.rights.who = who  # whose login it is, for the audit log
    token, ends = await asked.gateway.people.new_token(who.user_id)
    body = {
        "token": token,
        "token_type": "Bearer",
        "expires_at": shown(ends),
        "user_id": who.user_id,
    }
    return Answer(body, 201, {"Cache-Control": "no-store"})


async def end_token(asked: Asked) -> Answer:
    """End the token that is sent, at once here and within seconds in other gateways."""
    token = asked.headers.get(AUTHORIZATION, "").partition(" ")[2].strip()
    if not token.startswith(TOKEN_PREFIX):
        raise detail(400, "Send the token as Bearer.")
    await asked.gateway.people.end_token(token)
    return Answer(b"", 204)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/v1/tokens", handler=create_token, family=FAMILY, slash=False,
        access=Access.PUBLIC, summary="Get a token for a password", body=NewToken,
        answers={201: TokenBody, 400: dict, 401: dict},
    ),
    Route(
        method="DELETE", path="/v1/tokens/current", handler=end_token, family=FAMILY,
        slash=False, access=Access.SIGNED_IN, changes=False, summary="End the token that is sent",
        answers={204: None, 401: dict},
    ),
)  # fmt: skip
