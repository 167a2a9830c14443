"""Service 001: integers of minor units, withdrawals that are scheduled, then executed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import EarlyError, error, wrong_field
from producers.http.gateway import new_wallet_id
from producers.http.moments import shown, why_beyond
from producers.http.people.access import Access
from producers.http.reading_wallets import WalletFacts
from producers.http.route import Asked, Route
from producers.http.seeds import reading001
from producers.http.seeds.bodies001 import (
    DepositAnswer,
    Failure,
    TransactionBody,
    WalletBody,
    deposited,
    of_row,
    scheduled,
    wallet_after,
    wallet_body,
)
from schemas.identifiers import MAX_BIGINT, place_of
from schemas.money import show
from schemas.refusals import Code
from schemas.results import AnyResult, Error

FAMILY: Final = "001"


class NewWallet(BaseModel):
    """Nothing has to be said."""


class NewDeposit(BaseModel):
    """How much comes in."""

    amount: fields.MinorAmount


class NewWithdrawal(BaseModel):
    """How much goes out, and when."""

    amount: fields.MinorAmount
    scheduled_for: fields.Moment


class TransactionsQuery(BaseModel):
    """Which transactions; `before` is the id of the last one of the page before."""

    status: fields.Text | None = None
    type: fields.Text | None = None
    before: fields.Whole | None = None


async def create_wallet(asked: Asked) -> Answer:
    """Open a wallet."""
    data = {"wallet_id": new_wallet_id(asked)}
    result = _done(await asked.gateway.ask(asked, "wallet.create.v1", data))
    opened = datetime.fromisoformat(result.recorded_at)
    return Answer(wallet_after(result, opened), 201)


async def show_wallet(asked: Asked) -> Answer:
    """A wallet as it is now."""
    found = await asked.gateway.wallets.read(asked.path["uuid"])
    if found is None:
        raise _no_wallet()
    return Answer(wallet_body(found))


async def deposit(asked: Asked) -> Answer:
    """Put money into a wallet."""
    facts = await _facts(asked)
    result = _done(await asked.gateway.ask(asked, "deposit.v1", _amount(asked, facts)))
    answer = {
        "wallet": wallet_after(result, facts.created_at),
        "transaction": deposited(result, asked.body.amount, asked.gateway.settings.partitions),
    }
    return Answer(answer)


async def withdraw(asked: Asked) -> Answer:
    """Schedule a withdrawal; the balance is looked at when its time has come."""
    facts = await _facts(asked)
    due_at = shown(asked.body.scheduled_for)
    data = {**_amount(asked, facts), "due_at": due_at}
    result = await asked.gateway.ask(asked, "withdrawal.schedule.v1", data)
    if result.error is not None and result.error.param == "due_at":
        raise _wrong_time(result.error, asked.body.scheduled_for)
    _done(result)
    body = scheduled(result, asked.body.amount, due_at, asked.gateway.settings.partitions)
    return Answer(body, 201)


async def list_transactions(asked: Asked) -> Answer:
    """The newest transactions first; where there are more, the Link header leads on."""
    wallet_id, partitions = asked.path["uuid"], asked.gateway.settings.partitions
    wanted: TransactionsQuery = asked.query
    found = await asked.gateway.reading.read(
        reading001.transactions,
        wallet_id,
        status=wanted.status.upper() if wanted.status else None,
        kind=wanted.type.upper() if wanted.type else None,
        before=_before(wanted, partitions),
    )
    bodies = [of_row(row, wallet_id, partitions) for row in found]
    return Answer(bodies, headers=_more(asked, bodies))


async def show_transaction(asked: Asked) -> Answer:
    """One transaction of a wallet."""
    wallet_id, partitions = asked.path["uuid"], asked.gateway.settings.partitions
    found = await asked.gateway.reading.read(
        reading001.transaction, wallet_id, asked.path["id"], partitions
    )
    if found is None:
        raise error(404, "Transaction not found.")
    return Answer(of_row(found, wallet_id, partitions))


async def _facts(asked: Asked) -> WalletFacts:
    facts = await asked.gateway.facts(asked.path["uuid"])
    if facts is None:
        raise _no_wallet()
    return facts


def _amount(asked: Asked, facts: WalletFacts) -> dict[str, object]:
    return {"wallet_id": facts.wallet_id, "amount": show(asked.body.amount, facts.currency)}


def _before(wanted: TransactionsQuery, partitions: int) -> tuple[int, int] | None:
    if wanted.before is None:
        return None
    if not 0 < wanted.before <= MAX_BIGINT:
        raise wrong_field("before", "A valid integer is required.")
    return place_of(wanted.before, partitions)


def _more(asked: Asked, bodies: list[dict[str, Any]]) -> Mapping[str, str]:
    """Where the next page is, if this one is full."""
    if len(bodies) < reading001.LIMIT:
        return {}
    filters = {"status": asked.query.status, "type": asked.query.type}
    said = {name: text for name, text in filters.items() if text}
    query = urlencode({**said, "before": bodies[-1]["id"]})
    path = f"{asked.base}/wallets/{asked.path['uuid']}/transactions/"
    return {"Link": f'<{path}?{query}>; rel="next"'}


def _done(result: AnyResult) -> AnyResult:
    """The result, where the command was done. Raises EarlyError for a refusal."""
    if result.error is not None:
        raise _refused(result.error)
    return result


def _refused(refusal: Error) -> EarlyError:
    match refusal.code:
        case Code.WALLET_NOT_FOUND:
            return _no_wallet()
        case _ if refusal.param == "amount":
            return wrong_field("amount", refusal.detail)
        case _:
            return error(400, refusal.detail)


def _wrong_time(refusal: Error, moment: datetime) -> EarlyError:
    """What is wrong with when it is scheduled for: the ledger calls it otherwise."""
    match refusal.code:
        case Code.DUE_NOT_IN_FUTURE:
            return wrong_field("scheduled_for", _PAST)
        case Code.DUE_TOO_FAR:
            return wrong_field("scheduled_for", refusal.detail)
        case _:
            return wrong_field("scheduled_for", why_beyond(moment, _PAST))


_PAST: Final = "Scheduled time must be in the future."


def _no_wallet() -> EarlyError:
    return error(404, "Wallet not found.")


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/wallets", handler=create_wallet, family=FAMILY,
        access=Access.COMMAND,
        summary="Open a wallet", body=NewWallet, answers={201: WalletBody},
    ),
    Route(
        method="GET", path="/wallets/{uuid:uuid}", handler=show_wallet, family=FAMILY,
        access=Access.OWNER,
        summary="A wallet", answers={200: WalletBody, 404: Failure},
    ),
    Route(
        method="POST", path="/wallets/{uuid:uuid}/deposit", handler=deposit, family=FAMILY,
        access=Access.DEPOSIT,
        slash=False, summary="Put money into a wallet", body=NewDeposit,
        answers={200: DepositAnswer, 400: dict, 404: Failure},
    ),
    Route(
        method="POST", path="/wallets/{uuid:uuid}/withdraw", handler=withdraw, family=FAMILY,
        access=Access.OWNER,
        slash=False, summary="Schedule a withdrawal", body=NewWithdrawal,
        answers={201: TransactionBody, 400: dict, 404: Failure},
    ),
    Route(
        method="GET", path="/wallets/{uuid:uuid}/transactions", handler=list_transactions,
        access=Access.OWNER,
        family=FAMILY, summary="Deposits and withdrawals of a wallet, the newest first",
        query=TransactionsQuery, answers={200: list[TransactionBody], 400: dict},
    ),
    Route(
        method="GET", path="/wallets/{uuid:uuid}/transactions/{id:integer}",
        handler=show_transaction, family=FAMILY, summary="One of them",
        access=Access.OWNER,
        answers={200: TransactionBody, 404: Failure},
    ),
)  # fmt: skip
