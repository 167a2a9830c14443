"""Addresses as they may be shown, and what is said of those that are refused: never a secret."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from producers.failure import one_line

UNREADABLE: Final = "an address that cannot be read"

HARMLESS: Final = ("host", "hostaddr", "port", "user", "dbname", "service", "sslmode")
"""Of libpq's parameters; all others are not shown, passwords among them."""

_SCHEMES: Final = ("postgresql", "postgres")
# As libpq takes it apart: names end at the first @ that comes before a /. A second @ belongs to
# something that was meant otherwise, perhaps to a password.
_URL: Final = re.compile(r"(?:([^@/:]*)(?::[^@/]*)?@)?([^@?]*)(?:\?(.*))?", re.DOTALL)

_NAMES_ONLY: Final = re.compile(
    r'invalid dsn: (invalid (?:URI query parameter:|connection option) "\w+")'
)
_VALUE: Final = re.compile(
    r'(invalid integer value|could not translate host name(?= "[^"]*@)) ".*?"'
)
"""What stands in the wrong place, where a password has a / or a second @."""


def without_password(address: str) -> str:
    """Give the address as it may be shown: one of HTTP, or of PostgreSQL as libpq takes it."""
    scheme, _, rest = address.partition("://")
    if scheme in ("http", "https"):
        return _of_http(address)
    try:
        said = parse_dsn(address)
    except psycopg2.ProgrammingError:
        return UNREADABLE
    if scheme in _SCHEMES:
        return _of_postgres(scheme, rest)
    return make_dsn(**{name: said[name] for name in HARMLESS if name in said}) or "no address"


def _of_http(address: str) -> str:
    try:
        parts = urlsplit(address)
        _ = parts.port  # else a part of a password stands where it should
    except ValueError:
        return UNREADABLE
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=_at(user.partition(":")[0], place)))


def _of_postgres(scheme: str, rest: str) -> str:
    """As it was written, since people know it so."""
    found = _URL.fullmatch(rest)
    if found is None:
        return UNREADABLE
    user, place, said = found.groups(default="")
    kept = [each for each in said.split("&") if unquote(each.partition("=")[0]) in HARMLESS]
    return f"{scheme}://{_at(user, place)}" + ("?" + "&".join(kept) if kept else "")


def _at(user: str, place: str) -> str:
    return f"{user}@{place}" if user else place


def why_refused(error: BaseException) -> str:
    """Why PostgreSQL refuses, in one line; what libpq quotes may be a piece of a password."""
    words = one_line(error)
    if not isinstance(error, psycopg2.ProgrammingError):
        return _VALUE.sub(r"\1", words)
    if error.pgcode:  # a server's word
        return words.partition(" LINE 1: ")[0]
    names = _NAMES_ONLY.fullmatch(words)
    return names[1] if names else "libpq cannot read it"
