"""Finds wallets by what people know of them: ids, phones, names; for Reading.read()."""

import re
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, or_, select

from producers.http.v1 import reading_wallets
from producers.http.v1.reading_wallets import WalletRow
from schemas import identifiers
from schemas.tables import profiles, sellers, wallets
from schemas.tables_people import users

MOST: Final = 50
"""Wallets in one answer; who finds more types more."""

PREFIX_MIN: Final = 4
"""So many digits of an id are looked for as its beginning."""

_PHONE: Final = re.compile(r"\+?[0-9]{4,15}\Z")
_BETWEEN: Final = re.compile(r"[\s()-]")
_LOWEST: Final = "00000000-0000-0000-0000-000000000000"
_HIGHEST: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class Hit(msgspec.Struct, frozen=True):
    """A wallet that was found, and by what."""

    wallet: WalletRow
    by: str


def known(connection: Connection, text: str) -> list[Hit]:
    """Wallets whose id, user or seller fits; all of it has an index or is a small table."""
    found = dict(_of_ids(connection, text))
    phone = _phone(text)
    for table, name, columns in (
        (users, users.c.username, (users.c.username,)),
        (sellers, sellers.c.name, (sellers.c.name, sellers.c.email)),
    ):
        number = users.c.phone_number if table is users else sellers.c.phone
        fits: list[ColumnElement[bool]] = [
            each.icontains(text, autoescape=True) for each in columns
        ]
        if phone:
            fits.append(number.contains(phone, autoescape=True))
        label = "user" if table is users else "seller"
        query = select(table.c.wallet_id, name).where(table.c.wallet_id.is_not(None), or_(*fits))
        for wallet_id, called in connection.execute(query.order_by(name).limit(MOST)):
            found.setdefault(wallet_id, f"{label} {called}")
    return _hits(connection, found)


def owned(connection: Connection, text: str) -> list[Hit]:
    """Wallets whose owner, as named when they were opened, fits; goes through all of them."""
    owner = profiles.c.owner
    fits = [owner[name].as_string().icontains(text, autoescape=True) for name in ("name", "email")]
    if phone := _phone(text):
        fits.append(owner["phone"].as_string().contains(phone, autoescape=True))
    query = select(profiles.c.wallet_id).where(owner.is_not(None), or_(*fits)).limit(MOST)
    found = {row.wallet_id: "owner" for row in connection.execute(query)}
    return _hits(connection, found)


def _of_ids(connection: Connection, text: str) -> list[tuple[str, str]]:
    given = text.lower()
    low, high = given + _LOWEST[len(given) :], given + _HIGHEST[len(given) :]
    # PostgreSQL refuses what is no UUID: a date, a phone with hyphens, a name like "ade-bed".
    if not identifiers.is_uuid(low) or len(given.replace("-", "")) < PREFIX_MIN:
        return []
    query: Select[tuple[str]] = (
        select(wallets.c.wallet_id)
        .where(wallets.c.wallet_id.between(low, high))
        .order_by(wallets.c.wallet_id)
        .limit(MOST)
    )
    return [(row.wallet_id, "id") for row in connection.execute(query)]


def _phone(text: str) -> str | None:
    """The digits of a phone that a text may be, without what people put in front of them."""
    digits = _BETWEEN.sub("", text)
    return digits.lstrip("+0") or None if _PHONE.match(digits) else None


def _hits(connection: Connection, found: dict[str, str]) -> list[Hit]:
    rows = reading_wallets.by_id(connection, list(found)[:MOST]) if found else {}
    return [Hit(rows[own], by) for own, by in found.items() if own in rows]
