"""Credit requests: a seller asks, somebody else approves or rejects, once."""

from typing import Final

from pydantic import BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import EarlyError, error, not_found, wrong_field
from producers.http.fields import two_decimals
from producers.http.meta import Detail
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.seeds import reading003
from producers.http.seeds.answering003 import FAMILY, INACTIVE, PageQuery, done, listed, see_seller
from producers.http.seeds.bodies003 import (
    CreditRequestBody,
    ProcessedBody,
    credit_body,
    processed_body,
    requested_body,
)
from producers.http.seeds.fields003 import Action, Amount, By, Id, Notes, SellerId
from producers.http.seeds.reading003 import CreditRow
from schemas.identifiers import MAX_BIGINT
from schemas.refusals import Code
from schemas.results import AnyResult

BY_MAX: Final = 128
"""Characters, as schemas.commands has it."""


class NewCreditRequest(BaseModel):
    """Which seller wants how much."""

    seller: SellerId
    amount: Amount


class Decision(BaseModel):
    """Yes or no, and who says so."""

    action: Action
    processed_by: By = "admin"
    reason: Notes = ""


class CreditRequestsQuery(PageQuery):
    """Which of them: pending, approved or rejected; of one seller."""

    status: fields.Text | None = None
    seller: Id | None = None


async def create_credit_request(asked: Asked) -> Answer:
    """Ask for credit."""
    wanted: NewCreditRequest = asked.body
    seller = None
    if 0 < wanted.seller <= MAX_BIGINT:
        seller = await asked.gateway.reading.read(reading003.seller, wanted.seller)
    asked.rights.move(seller.wallet_id if seller else None)
    if seller is None:
        raise wrong_field("seller", f'Invalid pk "{wanted.seller}" - object does not exist.')
    data = {"wallet_id": seller.wallet_id, "amount": two_decimals(wanted.amount)}
    result = await asked.gateway.ask(asked, "credit_request.create.v1", data)
    done(result, {Code.WALLET_NOT_ACTIVE: wrong_field("seller", INACTIVE)})
    return Answer(requested_body(result, seller), 201)


async def list_credit_requests(asked: Asked) -> Answer:
    """Credit requests, the newest first."""
    wanted: CreditRequestsQuery = asked.query
    await see_seller(asked, wanted.seller)
    found = await asked.gateway.reading.read(
        reading003.all_credit_requests,
        wanted.page,
        status=wanted.status or None,
        of_seller=wanted.seller,
    )
    return await listed(asked, "/api/credit-requests/", found, credit_body)


async def show_credit_request(asked: Asked) -> Answer:
    """A credit request as it is now."""
    return Answer(credit_body(await _row(asked)))


async def process_credit_request(asked: Asked) -> Answer:
    """Approve or reject a credit request; of all who try, one does."""
    wanted: Decision = asked.body
    row = await _row(asked)
    data = {
        "wallet_id": row.wallet_id,
        "credit_request_id": row.credit_request_id,
        "by": _by(asked),
    }
    if wanted.reason:
        data["reason"] = wanted.reason
    result = await asked.gateway.ask(asked, f"credit_request.{wanted.action}.v1", data)
    _refuse(result, wanted.action)
    return Answer(processed_body(result, row))


def _by(asked: Asked) -> str:
    """Who decides: as it was said, else who asks, else "admin"."""
    wanted: Decision = asked.body
    if "processed_by" not in wanted.model_fields_set and asked.who.is_known:
        return asked.who.name[:BY_MAX]
    return wanted.processed_by


def _refuse(result: AnyResult, action: str) -> None:
    status = result.error.context.get("status") if result.error else None
    twice = (
        f"Cannot {action} request with status '{status}'. Only pending requests can be"
        f" {'approved' if action == 'approve' else 'rejected'}."
    )
    words: dict[Code, EarlyError] = {
        Code.CREDIT_REQUEST_NOT_PENDING: error(400, twice),
        Code.WALLET_NOT_ACTIVE: error(400, INACTIVE),
    }
    done(result, words)


async def _row(asked: Asked) -> CreditRow:
    found = await asked.gateway.reading.read(reading003.credit_request, asked.path["id"])
    asked.rights.see(found.wallet_id if found else None)
    if found is None:
        raise not_found()
    return found


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path="/api/credit-requests", handler=list_credit_requests, family=FAMILY,
        access=Access.HANDLER,
        summary="Credit requests, the newest first", query=CreditRequestsQuery,
        answers={200: list[CreditRequestBody], 400: dict},
    ),
    Route(
        method="POST", path="/api/credit-requests", handler=create_credit_request,
        access=Access.HANDLER,
        family=FAMILY, summary="Ask for credit", body=NewCreditRequest,
        answers={201: CreditRequestBody, 400: dict},
    ),
    Route(
        method="GET", path="/api/credit-requests/{id:integer}", handler=show_credit_request,
        access=Access.HANDLER,
        family=FAMILY, summary="A credit request",
        answers={200: CreditRequestBody, 404: Detail},
    ),
    Route(
        method="POST", path="/api/credit-requests/{id:integer}/process",
        handler=process_credit_request, family=FAMILY,
        access=Access.ADMIN,
        summary="Approve or reject a credit request, once", body=Decision,
        answers={200: ProcessedBody, 400: dict, 404: Detail},
    ),
)  # fmt: skip
