"""Sessions of the console: a token in a cookie that no script sees and no other site sends.

The cookie counts on the console's own paths only; the API takes headers, never a cookie.
"""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

from producers.http.people.addresses import forwarded_scheme

COOKIE: Final = "wallet_session"
PATH: Final = "/console"
LONGEST: Final = 4096
"""Characters of a Cookie header that are looked at."""


def cookie_of(headers: Mapping[str, str], name: str) -> str | None:
    """A cookie of a request; None where there is none that we could have given."""
    said = headers.get("Cookie", "")
    if name not in said or len(said) > LONGEST:
        return None
    try:
        found = SimpleCookie(said).get(name)
    except CookieError:
        return None
    return found.value if found and found.value and found.value.isascii() else None


def token_of(headers: Mapping[str, str]) -> str | None:
    """The token of a session; None where nobody has logged in."""
    return cookie_of(headers, COOKIE)


def cookie(name: str, value: str, *, is_secure: bool) -> str:
    """A Set-Cookie for as long as the browser is open; an empty value takes the cookie away."""
    ends = "" if value else "; Max-Age=0"
    secure = "; Secure" if is_secure else ""
    return f"{name}={value}; Path={PATH}; HttpOnly; SameSite=Strict{secure}{ends}"


def is_secure(headers: Mapping[str, str]) -> bool:
    """Whether the browser speaks TLS with us, or with who is in front of us.

    Who lies about it only keeps the own cookie to TLS, so anybody in front is believed here.
    """
    return forwarded_scheme(headers) == "https" or headers.get("Origin", "").startswith("https://")
