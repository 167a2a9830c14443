"""Credit requests: made by whoever wants money, decided once by somebody else."""

from typing import Any, Final, Literal

from pydantic import Field

from producers.http.answers import Answer
from producers.http.people.access import Access
from producers.http.route import Asked, Route, Shape
from producers.http.v1 import cases, conditions, reading_cases
from producers.http.v1.cases import Listing
from producers.http.v1.commanding import Done, command
from producers.http.v1.conditions import Guard
from producers.http.v1.fields import Amount, Currency, DryRun, Noted, Paged, Text, WalletId, data_of
from producers.http.v1.problems import Problem, problem
from producers.http.v1.reading_cases import CreditRequestRow
from producers.http.v1.shapes import CreditRequestBody, CreditRequestPage
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.refusals import Code

FAMILY: Final = "v1"
PATH: Final = "/v1/credit-requests"
LISTING: Final = Listing("credit requests", PATH)


class NewCreditRequest(Noted):
    """How much a wallet asks for."""

    wallet_id: WalletId
    amount: Amount
    currency: Currency | None = None


class Decision(Noted):
    """Who says so, and why."""

    by: Text | None = Field(None, min_length=1, max_length=128, examples=["admin"])
    reason: Text | None = Field(None, min_length=1, max_length=256, examples=["paid in cash"])


class CreditRequestsQuery(Paged):
    """Which of them."""

    wallet_id: WalletId | None = None
    status: Literal["pending", "approved", "rejected"] | None = Field(
        None, description="Those that are so now"
    )


async def request_credit(asked: Asked) -> Answer:
    """Ask for credit."""
    asked.rights.move(asked.body.wallet_id)
    done = await command(asked, "credit_request.create.v1", data_of(asked.body))
    return _told(asked, done, requested_at=done.result.recorded_at, status=201)


async def approve_credit(asked: Asked) -> Answer:
    """Approve a credit request: the wallet gets the money, once."""
    return await _decide(asked, "credit_request.approve.v1")


async def reject_credit(asked: Asked) -> Answer:
    """Reject a credit request."""
    return await _decide(asked, "credit_request.reject.v1")


async def show_credit_request(asked: Asked) -> Answer:
    """A credit request as it is now; 304 where the caller's is the same."""
    found = await _found(asked)
    asked.rights.see(found.wallet_id)
    body = _body(asked, found)
    return conditions.shown(asked, body, cases.tag_of(body))


async def list_credit_requests(asked: Asked) -> Answer:
    """Credit requests, those made last first."""
    return await cases.page_of(asked, LISTING, reading_cases.newest_credit_requests, _body)


async def _decide(asked: Asked, command_type: str) -> Answer:
    """End a request. Who ends it is who asks, unless the body names somebody."""
    found = await _found(asked)
    named: dict[str, object] = {"wallet_id": found.wallet_id, "credit_request_id": found.id}
    if asked.body.by is None and asked.who.is_known:
        named["by"] = asked.who.name[:128]
    guard = Guard(cases.tag_of(_body(asked, found)), Code.CREDIT_REQUEST_NOT_PENDING)
    done = await command(asked, command_type, data_of(asked.body, **named), guard)
    return _told(asked, done, requested_at=in_milliseconds(found.requested_at), status=200)


async def _found(asked: Asked) -> CreditRequestRow:
    """The request of the path. Raises EarlyError 404, 403 where not all may be seen."""
    own_id = asked.path["credit_request_id"]
    found = await asked.gateway.reading.read(reading_cases.credit_request, own_id)
    if found is None:
        asked.rights.see(None)
        words, context = f"There is no credit request {own_id}.", {"credit_request_id": own_id}
        param = "credit_request_id"
        raise problem("credit_request_not_found", words, param=param, context=context)
    return found


def _told(asked: Asked, done: Done, *, requested_at: str, status: int) -> Answer:
    """The credit request as a command has left it."""
    result = done.result
    found = result.credit_request
    assert found is not None, "a command on a credit request tells it"
    url = f"{asked.base}{PATH}/{found.id}"
    body = {
        "credit_request_id": found.id,
        "number": found.number,
        "url": url,
        "wallet_id": result.wallet_id,
        "status": found.status,
        "amount": found.amount,
        "currency": found.currency,
        "by": found.by,
        "reason": found.reason,
        "requested_at": requested_at,
        "changed_at": result.recorded_at,
    }
    return cases.answer(done, body, status, "credit_request_id", "number", "url")


def _body(asked: Asked, found: CreditRequestRow) -> dict[str, Any]:
    return {
        "credit_request_id": found.id,
        "number": found.number,
        "url": f"{asked.base}{PATH}/{found.id}",
        "wallet_id": found.wallet_id,
        "status": found.status,
        "amount": show(found.amount_minor, found.currency),
        "currency": found.currency,
        "by": found.by,
        "reason": found.reason,
        "requested_at": in_milliseconds(found.requested_at),
        "changed_at": in_milliseconds(found.changed_at),
    }


_ANSWERS: Final[dict[int, Shape]] = {
    200: CreditRequestBody, 400: Problem, 403: Problem, 404: Problem, 409: Problem,
    412: Problem, 422: Problem,
}  # fmt: skip
_ONE: Final = "/v1/credit-requests/{credit_request_id:uuid}"

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/v1/credit-requests", handler=request_credit, family=FAMILY,
        summary="Ask for credit", body=NewCreditRequest, query=DryRun, needs_key=True,
        slash=False, access=Access.HANDLER, answers={201: CreditRequestBody, **_ANSWERS},
    ),
    Route(
        method="GET", path="/v1/credit-requests", handler=list_credit_requests, family=FAMILY,
        summary="Credit requests, those made last first", query=CreditRequestsQuery, slash=False,
        access=Access.HANDLER, answers={200: CreditRequestPage, 400: Problem, 403: Problem},
    ),
    Route(
        method="GET", path=_ONE, handler=show_credit_request, family=FAMILY,
        summary="A credit request as it is now", slash=False, access=Access.HANDLER,
        answers={200: CreditRequestBody, 304: None, 403: Problem, 404: Problem},
    ),
    Route(
        method="POST", path=f"{_ONE}/approve", handler=approve_credit, family=FAMILY,
        summary="Approve a credit request", body=Decision, query=DryRun, needs_key=True,
        slash=False, access=Access.ADMIN, answers=_ANSWERS,
    ),
    Route(
        method="POST", path=f"{_ONE}/reject", handler=reject_credit, family=FAMILY,
        summary="Reject a credit request", body=Decision, query=DryRun, needs_key=True,
        slash=False, access=Access.ADMIN, answers=_ANSWERS,
    ),
)  # fmt: skip
