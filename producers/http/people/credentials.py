"""Credentials: what the headers of a request show, and who it is that shows them.

Basic (a username and its password), `Authorization: Bearer` with a token or a key, X-API-Key.
Failed logins are counted by name and address, and by address; one of IPv6 by its network.
"""

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from producers.http.errors import EarlyError, early
from producers.http.people import bearers, passwords
from producers.http.people.access import unknown
from producers.http.people.addresses import neighbourhood
from producers.http.people.pace import Pace
from producers.http.people.people import People
from producers.http.people.principal import NOBODY, OPEN, Principal
from schemas.settings import Settings

AUTHORIZATION: Final = "Authorization"
KEY_HEADER: Final = "X-API-Key"
NAME_MAX: Final = 150
"""Characters of a username, as Django's."""

FAILED_SECONDS: Final = 300
ADDRESS_SHARE: Final = 10
"""An address may fail as often as so many names."""

WRONG_PASSWORD: Final = "Invalid username/password."  # noqa: S105 - words for a person
WRONG_TOKEN: Final = "Invalid token."  # noqa: S105 - as above


class Basic(NamedTuple):
    """A name and a password."""

    username: str
    password: str


class Credentials:
    """Finds out who asks."""

    def __init__(self, settings: Settings, people: People) -> None:
        self._people = people
        self._by_name = Pace(settings.http_failed_logins, FAILED_SECONDS)
        self._by_address = Pace(settings.http_failed_logins * ADDRESS_SHARE, FAILED_SECONDS)
        self.without = OPEN if settings.http_logins == "open" else NOBODY
        """Who asks without credentials."""

    async def of(self, headers: Mapping[str, str], address: str) -> Principal:
        """Who shows these headers. Raises EarlyError 401 where they are wrong, 429, 503."""
        shown = headers.get(AUTHORIZATION)
        key = headers.get(KEY_HEADER)
        if shown is None:
            return self.without if key is None else await self._by_bearer(key, address)
        kind, _, rest = shown.strip().partition(" ")
        match kind.lower():
            case "basic":
                return await self.log_in(basic_of(rest), address)
            case "bearer":
                return await self._by_bearer(rest.strip(), address)
            case _:
                raise unknown()

    async def of_basic(self, headers: Mapping[str, str], address: str) -> Principal:
        """Who shows a password. Raises EarlyError 401 where there is none, 429, 503."""
        kind, _, rest = headers.get(AUTHORIZATION, "").strip().partition(" ")
        if kind.lower() != "basic":
            raise unknown()
        return await self.log_in(basic_of(rest), address)

    async def log_in(self, basic: Basic, address: str) -> Principal:
        """Who has a name and a password. Raises EarlyError 401, 429 or 503."""
        place = neighbourhood(address)
        self._refuse_guesser(basic.username, place)
        found = await self._people.by_password(*basic)
        if found is None:
            self._by_name.count(_name(basic.username, place), time.monotonic())
            raise self._failed(place, WRONG_PASSWORD)
        return found

    async def _by_bearer(self, bearer: str, address: str) -> Principal:
        place = neighbourhood(address)
        self._refuse_guesser(None, place)
        is_one = bearer.startswith((bearers.KEY_PREFIX, bearers.TOKEN_PREFIX))
        found = None
        if is_one and len(bearer) <= bearers.LONGEST and bearer.isascii():
            found = await self._people.by_bearer(bearer)
        if found is None:
            raise self._failed(place, WRONG_TOKEN)
        return found

    def _failed(self, place: str, words: str) -> EarlyError:
        self._by_address.count(place, time.monotonic())
        return unknown(words)

    def _refuse_guesser(self, username: str | None, place: str) -> None:
        """Raises EarlyError 429 for who has failed too often."""
        now = time.monotonic()
        wait = self._by_address.wait(place, now)
        if username is not None:
            wait = max(wait, self._by_name.wait(_name(username, place), now))
        if wait:
            words = f"Too many failed logins. Expected available in {wait} seconds."
            raise early(429, {"detail": words}, {"Retry-After": str(wait)})


def _name(username: str, place: str) -> str:
    return f"{place} {username}"  # no address holds a blank


def basic_of(text: str) -> Basic:
    """The name and the password of a Basic header. Raises EarlyError 401."""
    if not text:
        raise unknown("Invalid basic header. No credentials provided.")
    try:
        said = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise unknown("Invalid basic header. Credentials not correctly base64 encoded.") from None
    username, colon, password = said.partition(":")
    fits = len(username) <= NAME_MAX and len(password) <= passwords.LONGEST
    if not (colon and fits) or "\0" in said:
        raise unknown(WRONG_PASSWORD)
    return Basic(username, password)
