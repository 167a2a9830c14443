"""Charge sales, all transactions, and the phones that were charged."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pydantic import BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import EarlyError, busy, early, not_found, wrong_field
from producers.http.fields import two_decimals
from producers.http.meta import Detail
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.seeds import reading003, reading003_moves
from producers.http.seeds.answering003 import (
    FAMILY,
    INACTIVE,
    PageQuery,
    done,
    listed,
    see_seller,
    wallet_of,
)
from producers.http.seeds.bodies003 import (
    PhoneBody,
    SaleBody,
    TransactionBody,
    phone_body,
    phone_of,
    transaction_body,
)
from producers.http.seeds.fields003 import Amount, Id, Phone
from producers.http.seeds.reading003_moves import Move
from schemas import identifiers
from schemas.refusals import Code
from schemas.results import Error

COUNT_SECONDS: Final = 3.0
"""How long a request counts by phone what has been sold since the last one did."""


class NewSale(BaseModel):
    """Who sells how much to which phone."""

    seller_id: fields.Whole
    phone_number: Phone
    amount: Amount


class TransactionsQuery(PageQuery):
    """Which of them: of one seller; of type charge_sale or credit_increase."""

    seller_id: Id | None = None
    type: fields.Text | None = None


async def sell(asked: Asked) -> Answer:
    """Sell a charge: the money leaves the seller's wallet, if it is there."""
    wanted: NewSale = asked.body
    wallet_id = await wallet_of(asked, wanted.seller_id)
    asked.rights.move(wallet_id)
    if wallet_id is None:
        raise wrong_field("seller_id", "Seller not found")
    amount = two_decimals(wanted.amount)
    data = {"wallet_id": wallet_id, "phone_number": wanted.phone_number, "amount": amount}
    result = await asked.gateway.ask(asked, "charge_sale.v1", data)
    if result.error and result.error.code == Code.INSUFFICIENT_FUNDS:
        raise _insufficient(result.error)
    done(result, {Code.WALLET_NOT_ACTIVE: wrong_field("seller_id", INACTIVE)})
    place, partitions = result.command, asked.gateway.settings.partitions
    body = {
        "status": "success",
        "message": "Charge sale completed",
        "transaction_id": identifiers.number(place.offset, place.partition, partitions),
        "seller_id": wanted.seller_id,
        "phone_number": wanted.phone_number,
        "amount": amount,
        "new_balance": result.balance,
    }
    return Answer(body, 201)


async def list_transactions(asked: Asked) -> Answer:
    """Transactions of all sellers, the newest first."""
    wanted: TransactionsQuery = asked.query
    await see_seller(asked, wanted.seller_id)
    found = await asked.gateway.reading.read(
        reading003_moves.moves,
        wanted.page,
        of_seller=wanted.seller_id,
        kind=wanted.type or None,
    )
    return await listed(asked, "/api/transactions/", found, _body_of(asked))


async def list_phones(asked: Asked) -> Answer:
    """The phones that were charged."""
    await _count(asked)
    found = await asked.gateway.reading.read(reading003.all_phones, asked.query.page)
    return await listed(asked, "/api/phone-numbers/", found, phone_body)


async def show_phone(asked: Asked) -> Answer:
    """A phone, and what it was charged with in all."""
    await _count(asked)
    found = await asked.gateway.reading.read(reading003.phone, _phone(asked))
    if found is None:
        raise not_found()
    return Answer(phone_body(found))


async def list_phone_transactions(asked: Asked) -> Answer:
    """What was sold to a phone, the newest first."""
    await _count(asked)
    number, read = _phone(asked), asked.gateway.reading.read
    if await read(reading003.phone, number) is None:
        raise not_found()
    found = await read(reading003_moves.moves_of_phone, number, asked.query.page)
    path = f"/api/phone-numbers/{asked.path['id']}/transactions/"
    return await listed(asked, path, found, _body_of(asked))


async def _count(asked: Asked) -> None:
    """Count by phone what has been sold. Raises EarlyError 503 while there is too much of it."""
    sellers, loop = asked.gateway.sellers, asyncio.get_running_loop()
    deadline = loop.time() + COUNT_SECONDS
    try:
        await asyncio.wait_for(sellers.counting.acquire(), COUNT_SECONDS)
    except TimeoutError:
        raise _still_counting() from None
    try:
        while await sellers.count_phones():
            if loop.time() > deadline:
                raise _still_counting()
    finally:
        sellers.counting.release()


def _still_counting() -> EarlyError:
    return busy("The sales are being counted by phone.")


def _phone(asked: Asked) -> str:
    found = phone_of(asked.path["id"])
    if found is None:
        raise not_found()
    return found


def _body_of(asked: Asked) -> Callable[[Move], dict[str, Any]]:
    return partial(transaction_body, partitions=asked.gateway.settings.partitions)


def _insufficient(refusal: Error) -> EarlyError:
    told = refusal.context
    body = {
        "error": "Insufficient balance",
        "available_balance": told["available"],
        "required_amount": told["required"],
        "shortage": told["shortage"],
    }
    return early(400, body)


class ShortageBody(BaseModel):
    """A sale that the balance does not cover."""

    error: str
    available_balance: str
    required_amount: str
    shortage: str


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/api/charge-sales", handler=sell, family=FAMILY,
        access=Access.HANDLER,
        summary="Sell a charge to a phone", body=NewSale,
        answers={201: SaleBody, 400: ShortageBody | dict},
    ),
    Route(
        method="GET", path="/api/transactions", handler=list_transactions, family=FAMILY,
        access=Access.HANDLER,
        summary="Transactions of all sellers, the newest first", query=TransactionsQuery,
        answers={200: list[TransactionBody], 400: dict},
    ),
    Route(
        method="GET", path="/api/phone-numbers", handler=list_phones, family=FAMILY,
        access=Access.READ_ALL,
        summary="Phones that were charged", query=PageQuery,
        answers={200: list[PhoneBody], 400: dict},
    ),
    Route(
        method="GET", path="/api/phone-numbers/{id:integer}", handler=show_phone, family=FAMILY,
        access=Access.READ_ALL,
        summary="A phone that was charged", answers={200: PhoneBody, 404: Detail},
    ),
    Route(
        method="GET", path="/api/phone-numbers/{id:integer}/transactions",
        handler=list_phone_transactions, family=FAMILY,
        access=Access.READ_ALL,
        summary="What was sold to a phone, the newest first", query=PageQuery,
        answers={200: list[TransactionBody], 400: dict, 404: Detail},
    ),
)  # fmt: skip
