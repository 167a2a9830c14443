"""The transactions of sellers: every change of a balance, with what its command says of it."""

from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    cast,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import Text

from producers.http.errors import wrong_field
from producers.http.seeds.reading003 import Page
from schemas.tables import commands, entries, phone_sales, sellers

TYPES: Final = {
    "credit_increase": "credit_request.approve.v1",
    "charge_sale": "charge_sale.v1",
}
"""Type of a transaction -> its command's. Other doors' commands keep their own name."""

_SIGNS: Final[dict[str, ColumnElement[bool]]] = {
    "credit_increase": entries.c.amount_minor > 0,
    "charge_sale": entries.c.amount_minor < 0,
}
"""What is true of all entries of a type, and of hardly any others: few increases are among many
sales, and the command of each entry is looked at only when it would be shown."""

LEAST_CANDIDATES: Final = 100
GROWTH: Final = 4
SCAN_MAX: Final = 100_000
"""Most entries whose commands one request looks at, in the database: a second or two."""

TOO_FAR: Final = f"There are not so many among the newest {SCAN_MAX:,}; ask without a type."


class Move(msgspec.Struct, frozen=True, gc=False):
    """A change of a seller's balance. `result` and `details` are JSON, as table commands has it."""

    seller: int
    seller_name: str
    transaction_id: str
    amount_minor: int
    balance_minor: int
    currency: str
    partition: int
    offset: int
    result: str
    details: str | None


def moves(
    connection: Connection, page: Page, of_seller: int | None = None, kind: str | None = None
) -> list[Move]:
    """Transactions of all sellers or of one, the newest first.

    `kind` is one of TYPES; of others there are none. Raises EarlyError 400 where more than SCAN_MAX
    would have to be looked at.
    """
    if kind is None:
        return _found(
            connection, _candidates(page, of_seller, entries.c.amount_minor != 0), of_seller
        )
    if kind not in TYPES:
        return []
    is_wanted, count = _SIGNS[kind], max(page.offset + page.limit, LEAST_CANDIDATES)
    while True:
        count = min(count, SCAN_MAX)
        candidates = _candidates(Page(count), of_seller, is_wanted)
        several = _found(connection, _of_type(TYPES[kind], candidates, page, of_seller), of_seller)
        # Looked for afterwards: what is booked meanwhile moves the rest along, and hides nothing.
        beyond = select(_candidates(Page(1, count), of_seller, is_wanted))
        if len(several) == page.limit or connection.execute(beyond).first() is None:
            return several
        if count == SCAN_MAX:
            raise wrong_field("type", TOO_FAR)
        count *= GROWTH


def moves_of_phone(connection: Connection, phone_number: str, page: Page) -> list[Move]:
    """What was sold to a phone, the newest first."""
    chosen = (
        select(sellers.c.number.label("seller"), sellers.c.name.label("seller_name"), entries)
        .join(sellers, sellers.c.wallet_id == phone_sales.c.wallet_id)
        .join(
            entries,
            (entries.c.account_id == phone_sales.c.wallet_id)
            & (entries.c.sequence == phone_sales.c.sequence),
        )
        .where(phone_sales.c.phone_number == phone_number)
        .order_by(phone_sales.c.transaction_id.desc())
        .limit(page.limit)
        .offset(page.offset)
        .subquery("shown")
    )
    query = _with_commands(chosen).order_by(chosen.c.transaction_id.desc())
    return [_move(row) for row in connection.execute(query)]


def _candidates(page: Page, of_seller: int | None, is_wanted: ColumnElement[bool]) -> Subquery:
    """Each seller gives its newest only, so that the whole journal is never sorted."""
    newest = (
        select(entries)
        .where(
            entries.c.account_id == sellers.c.wallet_id, entries.c.sequence.is_not(None), is_wanted
        )
        .order_by(entries.c.sequence.desc())
        .limit(page.limit + page.offset)
        .correlate(sellers)
        .lateral("newest")
    )
    chosen = (
        select(sellers.c.number.label("seller"), sellers.c.name.label("seller_name"), newest)
        .join(newest, true())
        .where(sellers.c.number.is_not(None))
    )
    if of_seller is not None:
        chosen = chosen.where(sellers.c.number == of_seller)
    return _paged(chosen.order_by(*_order(newest, of_seller)), page).subquery("shown")


def _of_type(
    command_type: str, candidates: Subquery, page: Page, of_seller: int | None
) -> Subquery:
    """Those of one type of command. Which it is stands in the result, and stays in the database.

    A subquery looks at one command after the other, until there are enough: a join would have the
    results of all commands read as JSON.
    """
    told = (
        select(cast(commands.c.result, JSON)["command", "type"].astext)
        .where(commands.c.transaction_id == candidates.c.transaction_id)
        .scalar_subquery()
    )
    query = select(candidates).where(told == command_type)
    return _paged(query.order_by(*_order(candidates, of_seller)), page).subquery("of_type")


def _found(connection: Connection, shown: Subquery, of_seller: int | None) -> list[Move]:
    query = _with_commands(shown).order_by(*_order(shown, of_seller))
    return [_move(row) for row in connection.execute(query)]


def _paged(query: Select[Any], page: Page) -> Select[Any]:
    return query.limit(page.limit).offset(page.offset)


def _order(source: Any, of_seller: int | None) -> list[ColumnElement[Any]]:  # noqa: ANN401
    """Newest first: of one seller as its journal goes, of all by the ids' milliseconds."""
    if of_seller is not None:
        return [source.c.sequence.desc()]
    moment = func.left(cast(source.c.transaction_id, Text), 13)
    return [moment.desc(), source.c.account_id, source.c.sequence.desc()]


def _with_commands(shown: Any) -> Select[Any]:  # noqa: ANN401 - a subquery
    told = (commands.c.partition, commands.c.offset, commands.c.result, commands.c.details)
    return select(shown, *told).join(commands, commands.c.transaction_id == shown.c.transaction_id)


def _move(row: Row[Any]) -> Move:
    return Move(
        seller=row.seller,
        seller_name=row.seller_name,
        transaction_id=row.transaction_id,
        amount_minor=int(row.amount_minor),
        balance_minor=int(row.balance_minor),
        currency=row.currency,
        partition=row.partition,
        offset=row.offset,
        result=row.result,
        details=row.details,
    )
