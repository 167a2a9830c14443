"""Sellers: who they are, what they have, and whether it is what they should have."""

from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import BaseModel

from producers.http.answers import Answer
from producers.http.errors import EarlyError, detail, early, not_found
from producers.http.gateway import new_wallet_id, source_of, telling
from producers.http.meta import Detail
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.seeds import reading003, reading003_moves
from producers.http.seeds.answering003 import FAMILY, PageQuery, done, listed, see_seller, seller_of
from producers.http.seeds.bodies003 import (
    BalanceBody,
    ReconcileBody,
    SellerBody,
    TransactionBody,
    balance_body,
    reconcile_body,
    seller_body,
    transaction_body,
)
from producers.http.seeds.fields003 import Email, Flag, Name, Phone
from producers.http.seeds.sellers import Profile, TakenError
from schemas import identifiers


class NewSeller(BaseModel):
    """Who it is; nobody else has the same e-mail or phone."""

    name: Name
    email: Email
    phone: Phone
    is_active: Flag = True


class SellerChanges(BaseModel):
    """What is to be different; what is not named stays."""

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    is_active: Flag | None = None


async def create_seller(asked: Asked) -> Answer:
    """Make a seller, with an empty wallet; of many requests for one e-mail one has it made."""
    try:
        number = await _made(asked)
    except TakenError as taken:
        raise _refused(taken) from None
    with telling(asked, source_of(FAMILY)):
        found = await asked.gateway.reading.read(reading003.seller, number)
    if found is None:
        raise not_found()
    return Answer(seller_body(found), 201)


async def _made(asked: Asked) -> int:
    """The number of the seller that this request has made, now or when it came before."""
    wanted, sellers = asked.body, asked.gateway.sellers
    profile = Profile(wanted.name, wanted.email, wanted.phone)
    mine = new_wallet_id(asked)
    reserved = await sellers.reserve(profile, mine)
    if reserved.number is not None:
        return reserved.number
    number = await _open(asked, reserved.wallet_id)
    is_first = await sellers.finish(profile, reserved.wallet_id, number)
    came_before = asked.key is not None and reserved.wallet_id == mine
    if not (is_first or came_before):
        raise TakenError("email")
    return number


async def _open(asked: Asked, wallet_id: str) -> int:
    """Open the wallet of a seller, and give the seller's number: always the same for a wallet."""
    gateway = asked.gateway
    # The commands are named after the wallet: whoever goes on with it sends the same ones.
    opening = replace(asked, key=f"seller:{wallet_id}")
    data = {"wallet_id": wallet_id}
    result = done(await gateway.ask(opening, "wallet.create.v1", data))
    if not asked.body.is_active:
        closing = replace(asked, key=f"seller-inactive:{wallet_id}")
        data = {"wallet_id": wallet_id, "status": "deactivated"}
        done(await gateway.ask(closing, "wallet.set_status.v1", data))
    place = result.command
    return identifiers.number(place.offset, place.partition, gateway.settings.partitions)


async def list_sellers(asked: Asked) -> Answer:
    """All sellers, the oldest first."""
    found = await asked.gateway.reading.read(reading003.all_sellers, asked.query.page)
    return await listed(asked, "/api/sellers/", found, seller_body)


async def show_seller(asked: Asked) -> Answer:
    """A seller as it is now."""
    return Answer(seller_body(await seller_of(asked)))


async def change_seller(asked: Asked) -> Answer:
    """Change a seller's profile; one that is not active neither sells nor gets credit."""
    wanted: SellerChanges = asked.body
    before = await seller_of(asked)
    changes = wanted.model_dump(include={"name", "email", "phone"}, exclude_none=True)
    if changes:
        try:
            await asked.gateway.sellers.change(before.number, changes)
        except TakenError as taken:
            raise _refused(taken) from None
    if wanted.is_active is not None and wanted.is_active != before.is_active:
        status = "active" if wanted.is_active else "deactivated"
        data = {"wallet_id": before.wallet_id, "status": status}
        done(await asked.gateway.ask(asked, "wallet.set_status.v1", data))
    with telling(asked, source_of(FAMILY)):
        return Answer(seller_body(await seller_of(asked)))


async def show_balance(asked: Asked) -> Answer:
    """What a seller has."""
    return Answer(balance_body(await seller_of(asked)))


async def list_seller_transactions(asked: Asked) -> Answer:
    """The transactions of a seller, the newest first."""
    seller = await seller_of(asked)
    found = await asked.gateway.reading.read(
        reading003_moves.moves, asked.query.page, of_seller=seller.number
    )
    body_of = partial(transaction_body, partitions=asked.gateway.settings.partitions)
    return await listed(asked, f"/api/sellers/{seller.number}/transactions/", found, body_of)


async def reconcile(asked: Asked) -> Answer:
    """Whether a seller's balance is the sum of its transactions."""
    await see_seller(asked, asked.path["id"])
    found = await asked.gateway.reading.read(reading003.books, asked.path["id"])
    if found is None:
        raise not_found()
    return Answer(reconcile_body(found))


def _refused(taken: TakenError) -> EarlyError:
    if not taken.fields:
        return detail(400, "This Idempotency-Key was used for another seller.")
    words = {name: [f"seller with this {name} already exists."] for name in taken.fields}
    return early(400, words)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path="/api/sellers", handler=list_sellers, family=FAMILY,
        access=Access.READ_ALL,
        summary="Sellers, the oldest first", query=PageQuery,
        answers={200: list[SellerBody], 400: dict},
    ),
    Route(
        method="POST", path="/api/sellers", handler=create_seller, family=FAMILY,
        access=Access.ADMIN,
        summary="Make a seller", body=NewSeller, answers={201: SellerBody, 400: dict},
    ),
    Route(
        method="GET", path="/api/sellers/{id:integer}", handler=show_seller, family=FAMILY,
        access=Access.HANDLER,
        summary="A seller", answers={200: SellerBody, 404: Detail},
    ),
    Route(
        method="PATCH", path="/api/sellers/{id:integer}", handler=change_seller, family=FAMILY,
        access=Access.ADMIN,
        summary="Change a seller", body=SellerChanges,
        answers={200: SellerBody, 400: dict, 404: Detail},
    ),
    Route(
        method="GET", path="/api/sellers/{id:integer}/balance", handler=show_balance,
        access=Access.HANDLER,
        family=FAMILY, summary="What a seller has", answers={200: BalanceBody, 404: Detail},
    ),
    Route(
        method="GET", path="/api/sellers/{id:integer}/transactions",
        handler=list_seller_transactions, family=FAMILY,
        access=Access.HANDLER,
        summary="Transactions of a seller, the newest first", query=PageQuery,
        answers={200: list[TransactionBody], 400: dict, 404: Detail},
    ),
    Route(
        method="GET", path="/api/sellers/{id:integer}/reconcile", handler=reconcile,
        access=Access.HANDLER,
        family=FAMILY, summary="Is a seller's balance the sum of its transactions?",
        answers={200: ReconcileBody, 404: Detail},
    ),
)  # fmt: skip
