"""The transactions of sellers: every change of a balance, with what its command says of it."""

from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    cast,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import Text

from producers.http.reading003 import Page
from schemas.tables import commands, entries, phone_sales, sellers

TYPES: Final = {
    "credit_increase": "credit_request.approve.v1",
    "charge_sale": "charge_sale.v1",
    "deposit": "deposit.v1",
    "transfer": "transfer.v1",
    "refund": "refund.v1",
}
"""Type of a transaction -> its command's. The first two are the service's, the others get there by
other doors."""


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
    """Transactions of all sellers or of one, the newest first; none of a type that there is not.

    Each seller gives its newest only, so that the whole journal is never sorted.
    """
    if kind is not None and kind not in TYPES:
        return []
    newest = _newest(page, kind)
    chosen = (
        select(sellers.c.number.label("seller"), sellers.c.name.label("seller_name"), newest)
        .join(newest, true())
        .where(sellers.c.number.is_not(None))
    )
    order = _order(newest, of_seller)
    if of_seller is not None:
        chosen = chosen.where(sellers.c.number == of_seller)
    shown = chosen.order_by(*order).limit(page.limit).offset(page.offset).subquery("shown")
    query = _with_commands(shown).order_by(*_order(shown, of_seller))
    return [_move(row) for row in connection.execute(query)]


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


def _newest(page: Page, kind: str | None) -> FromClause:
    query = select(entries).where(
        entries.c.account_id == sellers.c.wallet_id,
        entries.c.sequence.is_not(None),
        entries.c.amount_minor != 0,
    )
    if kind is not None:
        told = cast(commands.c.result, JSON)["command"]["type"].as_string()
        query = query.join(commands, commands.c.transaction_id == entries.c.transaction_id)
        query = query.where(told == TYPES[kind])
        if kind == "credit_increase":  # few among many sales: their commands are not looked at
            query = query.where(entries.c.amount_minor > 0)
    return (
        query.order_by(entries.c.sequence.desc())
        .limit(page.limit + page.offset)
        .correlate(sellers)
        .lateral("newest")
    )


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
