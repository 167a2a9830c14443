"""Withdrawals: scheduled for a time to come, shown, listed, cancelled."""

from typing import Any, Final, Literal

from pydantic import Field

from producers.http.answers import Answer
from producers.http.errors import EarlyError
from producers.http.people.access import Access
from producers.http.route import Asked, Route, Shape
from producers.http.v1 import cases, conditions, reading_cases
from producers.http.v1.cases import Listing
from producers.http.v1.commanding import Done, command
from producers.http.v1.conditions import Guard
from producers.http.v1.fields import (
    Amount,
    Currency,
    Delay,
    DryRun,
    Moment,
    Noted,
    Paged,
    Text,
    WalletId,
    data_of,
)
from producers.http.v1.problems import Problem, problem
from producers.http.v1.reading_cases import WithdrawalRow
from producers.http.v1.shapes import WithdrawalBody, WithdrawalPage
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.refusals import Code

FAMILY: Final = "v1"
PATH: Final = "/v1/withdrawals"
LISTING: Final = Listing("withdrawals", PATH)

Status = Literal["scheduled", "executing", "needs_review", "paid", "failed", "cancelled"]


class NewWithdrawal(Noted):
    """How much leaves a wallet by way of the bank, and when: `due_at`, or `delay` from now.

    The balance is looked at when it is due, not now.
    """

    wallet_id: WalletId
    amount: Amount
    currency: Currency | None = None
    due_at: Moment | None = Field(None, description="A moment to come")
    delay: Delay | None = Field(
        None, description="Seconds, or an ISO 8601 duration", examples=["PT5M", 300]
    )
    target: Text | None = Field(
        None, max_length=64, description="A wallet's id, or a bank account; else the owner's bank"
    )


class Cancelling(Noted):
    """Nothing has to be said."""


class WithdrawalsQuery(Paged):
    """Which of them."""

    wallet_id: WalletId | None = None
    status: Status | None = Field(None, description="Those that are so now")


async def schedule(asked: Asked) -> Answer:
    """Schedule a withdrawal."""
    asked.rights.move(asked.body.wallet_id)
    done = await command(asked, "withdrawal.schedule.v1", data_of(asked.body))
    return told(asked, done, created_at=done.result.recorded_at, status=201)


async def cancel(asked: Asked) -> Answer:
    """Call a withdrawal off that has not been executed."""
    found = await _found(asked)
    asked.rights.move(found.wallet_id)
    named = {"wallet_id": found.wallet_id, "withdrawal_id": found.id}
    guard = Guard(cases.tag_of(_body(asked, found)), Code.WITHDRAWAL_NOT_SCHEDULED)
    done = await command(asked, "withdrawal.cancel.v1", data_of(asked.body, **named), guard)
    return told(asked, done, created_at=in_milliseconds(found.created_at), status=200)


async def show_withdrawal(asked: Asked) -> Answer:
    """A withdrawal as it is now; 304 where the caller's is the same."""
    body = await body_of(asked)
    return conditions.shown(asked, body, cases.tag_of(body))


async def body_of(asked: Asked) -> dict[str, Any]:
    """The withdrawal of the path, for who may see it. Raises EarlyError 403 or 404."""
    found = await _found(asked)
    asked.rights.see(found.wallet_id)
    return _body(asked, found)


async def list_withdrawals(asked: Asked) -> Answer:
    """Withdrawals, those scheduled last first."""
    return await cases.page_of(asked, LISTING, reading_cases.newest_withdrawals, _body)


async def _found(asked: Asked) -> WithdrawalRow:
    """The withdrawal of the path. Raises EarlyError 404, 403 where not all may be seen."""
    withdrawal_id = asked.path["withdrawal_id"]
    found = await asked.gateway.reading.read(reading_cases.withdrawal, withdrawal_id)
    if found is None:
        asked.rights.see(None)
        raise _none(withdrawal_id)
    return found


def _none(withdrawal_id: str) -> EarlyError:
    words = f"There is no withdrawal {withdrawal_id}."
    context = {"withdrawal_id": withdrawal_id}
    return problem("withdrawal_not_found", words, param="withdrawal_id", context=context)


def told(asked: Asked, done: Done, *, created_at: str, status: int) -> Answer:
    """The withdrawal as a command has left it."""
    result = done.result
    found = result.withdrawal
    assert found is not None, "a command on a withdrawal tells it"
    url = f"{asked.base}{PATH}/{found.id}"
    body = {
        "withdrawal_id": found.id,
        "url": url,
        "wallet_id": result.wallet_id,
        "status": found.status,
        "amount": found.amount,
        "currency": found.currency,
        "due_at": found.due_at,
        "target": found.target,
        "reason": found.reason,
        "created_at": created_at,
        "changed_at": result.recorded_at,
    }
    return cases.answer(done, body, status, "withdrawal_id", "url")


def _body(asked: Asked, found: WithdrawalRow) -> dict[str, Any]:
    return {
        "withdrawal_id": found.id,
        "url": f"{asked.base}{PATH}/{found.id}",
        "wallet_id": found.wallet_id,
        "status": found.status,
        "amount": show(found.amount_minor, found.currency),
        "currency": found.currency,
        "due_at": in_milliseconds(found.due_at),
        "target": found.target,
        "reason": found.reason,
        "created_at": in_milliseconds(found.created_at),
        "changed_at": in_milliseconds(found.changed_at),
    }


_ANSWERS: Final[dict[int, Shape]] = {
    200: WithdrawalBody, 400: Problem, 403: Problem, 404: Problem, 409: Problem, 412: Problem,
    422: Problem,
}  # fmt: skip

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/v1/withdrawals", handler=schedule, family=FAMILY,
        summary="Schedule a withdrawal", body=NewWithdrawal, query=DryRun, needs_key=True,
        slash=False, access=Access.HANDLER, answers={201: WithdrawalBody, **_ANSWERS},
    ),
    Route(
        method="GET", path="/v1/withdrawals", handler=list_withdrawals, family=FAMILY,
        summary="Withdrawals, those scheduled last first", query=WithdrawalsQuery, slash=False,
        access=Access.HANDLER, answers={200: WithdrawalPage, 400: Problem, 403: Problem},
    ),
    Route(
        method="GET", path="/v1/withdrawals/{withdrawal_id:uuid}", handler=show_withdrawal,
        family=FAMILY, summary="A withdrawal as it is now", slash=False, access=Access.HANDLER,
        answers={200: WithdrawalBody, 304: None, 403: Problem, 404: Problem},
    ),
    Route(
        method="POST", path="/v1/withdrawals/{withdrawal_id:uuid}/cancel", handler=cancel,
        family=FAMILY, summary="Call a withdrawal off", body=Cancelling, query=DryRun,
        needs_key=True, slash=False, access=Access.HANDLER, answers=_ANSWERS,
    ),
)  # fmt: skip
