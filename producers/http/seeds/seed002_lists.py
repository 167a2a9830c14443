"""What people see of their transfers: the list of them, the receipts, and whom they can send to."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import early, not_found, wrong_field
from producers.http.meta import Detail
from producers.http.people.access import Access
from producers.http.people.paging import people_of
from producers.http.route import Asked, Route
from producers.http.seeds import reading002
from producers.http.seeds.bodies002 import (
    PeopleBody,
    TransactionsBody,
    name_of,
    transaction_body,
)
from producers.http.seeds.reading002 import Changes, Person
from producers.http.seeds.seed002_moves import FAMILY, own_wallet
from schemas import identifiers, receipts
from schemas.identifiers import MAX_BIGINT

PDF: Final = "application/pdf"


class TransactionsQuery(BaseModel):
    """Those before one that was seen: a number of the Link header."""

    before: fields.Whole | None = None


class PeopleQuery(BaseModel):
    """Those after an id, at most so many."""

    after: fields.Whole = 0
    limit: fields.Whole = reading002.PEOPLE


async def list_transactions(asked: Asked) -> Answer:
    """The transfers of who asks, the newest first; the Link header leads on to older ones."""
    mine, before = await own_wallet(asked), asked.query.before
    if before is not None and not 0 < before <= MAX_BIGINT:
        raise wrong_field("before", "A valid integer is required.")
    read = asked.gateway.reading.read
    found = await read(reading002.transfers, mine, before)
    people = await read(reading002.people_of, {each.other for each in found.transfers})
    body = await asyncio.to_thread(_written, asked, found, people)
    link = f"{asked.base}/api/wallet/transactions/?before={found.before}"
    return Answer(body, headers={"Link": f'<{link}>; rel="next"'} if found.before else {})


def _written(asked: Asked, found: Changes, people: Mapping[str, Person]) -> bytes:
    settings = asked.gateway.settings
    bodies = []
    for change in found.transfers:
        place = receipts.place_of(settings.receipts_folder, name_of(change, settings.partitions))
        person, has_receipt = people.get(change.other), place.exists()
        bodies.append(
            transaction_body(change, person, settings.partitions, has_receipt=has_receipt)
        )
    return msgspec.json.encode({"transactions": bodies, "count": len(bodies)})


async def list_people(asked: Asked) -> Answer:
    """Users to whom money can be sent, in the order of their ids."""
    asked.rights.own_user()
    path = "/api/wallet/users/"
    found, headers = await people_of(asked, path, reading002.people, reading002.PEOPLE)
    body: dict[str, Any] = {"users": [msgspec.to_builtins(each) for each in found]}
    return Answer(body, headers=headers)


async def show_receipt(asked: Asked) -> Answer:
    """The receipt of a transfer, to its two sides and to who sees all."""
    name, settings = asked.path["name"], asked.gateway.settings
    place, moment = _said(name, settings.partitions)
    parties = await asked.gateway.reading.read(reading002.parties, *place, moment)
    own = asked.who.wallet_id
    if not parties or not (asked.who.reads_all or own in parties):
        # Who may not see it does not learn that it is there.
        raise not_found()
    asked.rights.see(own if own in parties else None)
    content = await asyncio.to_thread(_content, receipts.place_of(settings.receipts_folder, name))
    if content is None:
        raise early(404, {"detail": "The receipt is not made yet."}, {"Retry-After": "1"})
    headers = {
        "Content-Type": PDF,
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(content, headers=headers)


def _said(name: str, partitions: int) -> tuple[tuple[int, int], datetime]:
    """Where the command stands that a name tells, and its second. Raises EarlyError 404."""
    number = receipts.number_of(name)
    if number is None:
        raise not_found()
    try:
        moment = datetime.strptime(name[-19:-4], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise not_found() from None
    partition, offset = identifiers.place_of(number, partitions)
    if number > MAX_BIGINT or moment.timestamp() < 0:
        raise not_found()
    return (partition, offset), moment


def _content(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except FileNotFoundError:
        return None


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path="/api/wallet/transactions", handler=list_transactions, family=FAMILY,
        access=Access.SIGNED_IN, summary="The own transfers, the newest first",
        query=TransactionsQuery, answers={200: TransactionsBody, 400: dict, 401: Detail},
    ),
    Route(
        method="GET", path="/api/wallet/users", handler=list_people, family=FAMILY,
        access=Access.SIGNED_IN, summary="Users to send money to", query=PeopleQuery,
        answers={200: PeopleBody, 400: dict, 401: Detail},
    ),
    Route(
        method="GET", path="/media/receipts/{name:text}", handler=show_receipt, family=FAMILY,
        access=Access.HANDLER, slash=False, summary="The receipt of a transfer, a PDF",
        answers={200: None, 401: Detail, 404: Detail},
    ),
)  # fmt: skip
