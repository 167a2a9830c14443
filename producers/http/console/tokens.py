"""Tokens of forms: that a form is ours, and was made for this browser and this person.

A token is an HMAC under what only the browser has: its session, its Authorization header, or a
cookie of random bytes. So it outlives the gateway: a form sent again after a crash is still good,
and its Idempotency-Key the same.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

from producers.http.people import sessions
from producers.http.people.credentials import AUTHORIZATION
from producers.http.people.principal import Principal

COOKIE: Final = "wallet_form"


def secret_of(headers: Mapping[str, str]) -> tuple[str, str | None]:
    """What only this browser has; and the cookie to give it, where it has nothing yet."""
    known = (
        headers.get(AUTHORIZATION)
        or sessions.token_of(headers)
        or sessions.cookie_of(headers, COOKIE)
    )
    if known:
        return known, None
    new = fresh()
    return new, new


def fresh() -> str:
    """A cookie for a browser that has none."""
    return secrets.token_urlsafe(32)


def token_of(secret: str, who: Principal) -> str:
    """The token of somebody's forms."""
    return hmac.new(
        secret.encode(), f"console form {who.label}".encode(), hashlib.sha256
    ).hexdigest()


def is_right(token: str, headers: Mapping[str, str], who: Principal) -> bool:
    """Whether a form that came is ours."""
    secret, new = secret_of(headers)
    return new is None and hmac.compare_digest(token.encode(), token_of(secret, who).encode())
