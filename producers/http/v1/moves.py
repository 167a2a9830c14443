"""What moves money at once: deposits, transfers, charge sales, refunds."""

from typing import Any, Final

from pydantic import Field

from producers.http.answers import Answer
from producers.http.fields import Uuid
from producers.http.gateway import telling
from producers.http.people.access import Access
from producers.http.route import Asked, Handler, Route
from producers.http.v1.commanding import Done, about, command, source_of
from producers.http.v1.fields import (
    Amount,
    Currency,
    DryRun,
    Noted,
    Phone,
    WalletId,
    data_of,
)
from producers.http.v1.problems import Problem
from producers.http.v1.reading_transactions import amount_on
from producers.http.v1.shapes import MoveBody
from schemas.commands import kind_of
from schemas.money import DECIMALS

FAMILY: Final = "v1"


class NewDeposit(Noted):
    """Money from outside into a wallet."""

    wallet_id: WalletId
    amount: Amount
    currency: Currency | None = None


class NewTransfer(Noted):
    """Money from a wallet to another of the same currency."""

    wallet_id: WalletId
    to_wallet_id: WalletId = Field(description="The wallet that gets it")
    amount: Amount
    currency: Currency | None = None


class NewSale(Noted):
    """A charge that the wallet's owner sells to a phone; the money leaves the wallet."""

    wallet_id: WalletId
    phone_number: Phone
    amount: Amount
    currency: Currency | None = None
    to_wallet_id: WalletId | None = Field(
        None, description="The wallet of the phone's owner, if it is to get the money"
    )


class NewRefund(Noted):
    """Gives back what a wallet paid in a transfer or a charge sale; all that is left, or a part."""

    wallet_id: WalletId = Field(description="The wallet that paid, and gets it back")
    transaction_id: Uuid = Field(description="The transaction it paid in")
    amount: Amount | None = Field(None, description="Without one all that is left")
    currency: Currency | None = None


async def deposit(asked: Asked) -> Answer:
    """Pay money in."""
    asked.rights.deposit(asked.body.wallet_id)
    done = await command(asked, "deposit.v1", data_of(asked.body))
    return await moved(asked, done)


async def transfer(asked: Asked) -> Answer:
    """Pay another wallet."""
    asked.rights.move(asked.body.wallet_id)
    done = await command(asked, "transfer.v1", data_of(asked.body))
    return await moved(asked, done, to_wallet_id=asked.body.to_wallet_id)


async def sell_charge(asked: Asked) -> Answer:
    """Sell a charge to a phone."""
    wanted: NewSale = asked.body
    asked.rights.move(wanted.wallet_id)
    done = await command(asked, "charge_sale.v1", data_of(wanted))
    return await moved(
        asked, done, phone_number=wanted.phone_number, to_wallet_id=wanted.to_wallet_id
    )


async def refund(asked: Asked) -> Answer:
    """Give back what a wallet has paid."""
    done = await command(asked, "refund.v1", data_of(asked.body))
    return await moved(asked, done, refunded_transaction_id=asked.body.transaction_id)


async def moved(asked: Asked, done: Done, **more: str | None) -> Answer:
    """What was booked, and `more` of it.

    The amount is the one asked for, or else read from the journal.
    """
    result, wanted = done.result, asked.body
    currency = result.currency or ""
    amount = wanted.amount
    if amount is None:
        amount = await _amount_of(asked, done)
    body: dict[str, Any] = {
        "transaction_id": result.transaction_id,
        "url": f"{asked.base}/v1/transactions/{result.transaction_id}",
        "kind": kind_of(result.command.type or ""),
        "wallet_id": result.wallet_id,
        "amount": in_full(amount, currency),
        "currency": currency,
        "balance": result.balance,
        "sequence": result.sequence,
        "recorded_at": result.recorded_at,
        "command": about(done),
        **{name: text for name, text in more.items() if text is not None},
    }
    if wanted.reference is not None:
        body["reference"] = wanted.reference
    if wanted.metadata is not None:
        body["metadata"] = wanted.metadata
    if done.is_dry:
        return Answer(_tried(body, done))
    return Answer(body, 201, {"Location": body["url"], **done.headers})


async def _amount_of(asked: Asked, done: Done) -> str:
    """What a refund of all that was left has given back."""
    if done.is_dry:
        return next(each.amount for each in done.entries if each.account == asked.body.wallet_id)
    result = done.result
    assert result.wallet_id is not None
    assert result.sequence is not None
    with telling(asked, source_of(asked)):
        return await asked.gateway.reading.read(amount_on, result.wallet_id, result.sequence)


def in_full(amount: str, currency: str) -> str:
    """An amount with all decimals of its currency: "50" is "50.00"; what is done has no more."""
    whole, _, fraction = amount.partition(".")
    digits = DECIMALS[currency]
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction.ljust(digits, '0')}" if digits else whole


def _tried(body: dict[str, Any], done: Done) -> dict[str, Any]:
    """What would be booked: as above, without what only a real command has."""
    entries = [
        {"account": each.account, "amount": each.amount, "currency": each.currency}
        for each in done.entries
    ]
    own = {"transaction_id": None, "url": None, "command": None}
    return {**body, **own, "dry_run": True, "entries": entries}


_ANSWERS: Final = {
    200: MoveBody, 201: MoveBody, 400: Problem, 402: Problem, 403: Problem, 404: Problem,
    409: Problem, 422: Problem,
}  # fmt: skip


def post(
    path: str, handler: Handler, body: type[Noted], summary: str, access: Access = Access.HANDLER
) -> Route:
    """A route that moves money: once for its key, or only tried."""
    return Route(
        method="POST", path=path, handler=handler, family=FAMILY, summary=summary, body=body,
        query=DryRun, answers=_ANSWERS, needs_key=True, slash=False, access=access,
    )  # fmt: skip


ROUTES: Final[tuple[Route, ...]] = (
    post("/v1/deposits", deposit, NewDeposit, "Pay money in"),
    post("/v1/transfers", transfer, NewTransfer, "Pay another wallet"),
    post("/v1/charge-sales", sell_charge, NewSale, "Sell a charge to a phone"),
    # Not for the payer: the money comes from the one who was paid.
    post("/v1/refunds", refund, NewRefund, "Give back what a wallet has paid", Access.COMMAND),
)
