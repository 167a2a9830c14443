"""The sellers of service 003, their credit requests, and the phones they have charged."""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, text

from schemas.statuses import CREDIT_REQUEST_STATUSES, STATUSES
from schemas.tables import charged_phones, credit_requests, entries, sellers, wallets

LIMIT: Final = 5000
"""Most things in one answer, and as many are given where nothing is said."""

COUNTED_AT_ONCE: Final = 20_000
"""Entries that one statement counts by phone: under a second."""


class Page(msgspec.Struct, frozen=True):
    """How many are wanted, and how many were seen before."""

    limit: int = LIMIT
    offset: int = 0


class SellerRow(msgspec.Struct, frozen=True, gc=False):
    """A seller as it is now."""

    number: int
    wallet_id: str
    name: str
    email: str
    phone: str
    is_active: bool
    balance_minor: int
    currency: str
    created_at: datetime
    updated_at: datetime


class Books(msgspec.Struct, frozen=True, gc=False):
    """A seller's balance beside the sum and the number of what is in its journal."""

    number: int
    name: str
    currency: str
    balance_minor: int
    sum_minor: int
    transactions: int


class CreditRow(msgspec.Struct, frozen=True, gc=False):
    """A credit request of a seller as it is now."""

    number: int
    credit_request_id: str
    wallet_id: str
    seller: int
    seller_name: str
    amount_minor: int
    currency: str
    status: str
    requested_at: datetime
    changed_at: datetime
    by: str | None
    reason: str | None


class PhoneRow(msgspec.Struct, frozen=True, gc=False):
    """A phone, and what all sellers have charged it with."""

    phone_number: str
    total_minor: int
    first_at: datetime


def wallet_of(connection: Connection, number: int) -> str | None:
    """The wallet of a seller; None where there is no such seller."""
    query = select(sellers.c.wallet_id).where(sellers.c.number == number)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def all_sellers(connection: Connection, page: Page) -> list[SellerRow]:
    """The sellers, the oldest first."""
    query = _SELLERS.where(sellers.c.number.is_not(None))
    ordered = query.order_by(sellers.c.created_at, sellers.c.number)
    return [_seller(row) for row in connection.execute(_paged(ordered, page))]


def seller(connection: Connection, number: int) -> SellerRow | None:
    """A seller; None where there is none."""
    row = connection.execute(_SELLERS.where(sellers.c.number == number)).one_or_none()
    return _seller(row) if row else None


def books(connection: Connection, number: int) -> Books | None:
    """Balance and journal of a seller, both of one moment; None where there is none."""
    has_moved = entries.c.amount_minor != 0
    query = (
        select(
            sellers.c.number,
            sellers.c.name,
            wallets.c.currency,
            wallets.c.balance_minor,
            func.coalesce(func.sum(entries.c.amount_minor), 0).label("sum_minor"),
            func.count().filter(has_moved).label("transactions"),
        )
        .join(wallets, wallets.c.wallet_id == sellers.c.wallet_id)
        .join(entries, entries.c.account_id == sellers.c.wallet_id)
        .where(sellers.c.number == number, entries.c.sequence.is_not(None))
        .group_by(sellers.c.number, sellers.c.name, wallets.c.currency, wallets.c.balance_minor)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Books(
        row.number, row.name, row.currency, int(row.balance_minor), int(row.sum_minor),
        row.transactions,
    )  # fmt: skip


def all_credit_requests(
    connection: Connection, page: Page, status: str | None = None, of_seller: int | None = None
) -> list[CreditRow]:
    """Credit requests, the newest first; none in a status that there is not."""
    query = _CREDITS
    if status is not None:
        if status not in CREDIT_REQUEST_STATUSES:
            return []
        query = query.where(credit_requests.c.status == CREDIT_REQUEST_STATUSES.index(status))
    if of_seller is not None:
        query = query.where(sellers.c.number == of_seller)
    # Its id begins with the moment at which it was made.
    ordered = query.order_by(credit_requests.c.credit_request_id.desc())
    return [_credit(row) for row in connection.execute(_paged(ordered, page))]


def credit_request(connection: Connection, number: int) -> CreditRow | None:
    """A credit request; None where no seller has such a one."""
    query = _CREDITS.where(credit_requests.c.number == number)
    row = connection.execute(query).one_or_none()
    return _credit(row) if row else None


def count_phones(connection: Connection) -> bool:
    """Count some sales by phone that are not counted yet; whether there were any."""
    counting = text("SELECT count_phones(:most)")
    return bool(connection.execute(counting, {"most": COUNTED_AT_ONCE}).scalar_one())


def all_phones(connection: Connection, page: Page) -> list[PhoneRow]:
    """The phones that were charged, by their digits."""
    ordered = _PHONES.order_by(charged_phones.c.phone_number)
    return [_phone(row) for row in connection.execute(_paged(ordered, page))]


def phone(connection: Connection, phone_number: str) -> PhoneRow | None:
    """A phone; None where it was never charged."""
    query = _PHONES.where(charged_phones.c.phone_number == phone_number)
    row = connection.execute(query).one_or_none()
    return _phone(row) if row else None


def _paged(query: Select[Any], page: Page) -> Select[Any]:
    return query.limit(page.limit).offset(page.offset)


_ACTIVE: Final[ColumnElement[bool]] = wallets.c.status == STATUSES.index("active")

_SELLERS: Final[Select[Any]] = select(
    sellers.c.number,
    sellers.c.wallet_id,
    sellers.c.name,
    sellers.c.email,
    sellers.c.phone,
    _ACTIVE.label("is_active"),
    wallets.c.balance_minor,
    wallets.c.currency,
    sellers.c.created_at,
    func.greatest(sellers.c.updated_at, wallets.c.updated_at).label("updated_at"),
).join(wallets, wallets.c.wallet_id == sellers.c.wallet_id)

_CREDITS: Final[Select[Any]] = (
    select(credit_requests, sellers.c.number.label("seller"), sellers.c.name.label("seller_name"))
    .join(sellers, sellers.c.wallet_id == credit_requests.c.wallet_id)
    .where(sellers.c.number.is_not(None))
)

_PHONES: Final[Select[Any]] = select(charged_phones)


def _seller(row: Row[Any]) -> SellerRow:
    said = {**row._mapping, "balance_minor": int(row.balance_minor)}  # noqa: SLF001 - its API
    return SellerRow(**said)


def _credit(row: Row[Any]) -> CreditRow:
    return CreditRow(
        number=row.number,
        credit_request_id=row.credit_request_id,
        wallet_id=row.wallet_id,
        seller=row.seller,
        seller_name=row.seller_name,
        amount_minor=int(row.amount_minor),
        currency=row.currency,
        status=CREDIT_REQUEST_STATUSES[row.status],
        requested_at=row.requested_at,
        changed_at=row.changed_at,
        by=row.by,
        reason=row.reason,
    )


def _phone(row: Row[Any]) -> PhoneRow:
    return PhoneRow(row.phone_number, int(row.total_minor), row.first_at)
