"""Transfers and deposits: each for who asks, from or into the own wallet."""

from typing import Any, Final

from pydantic import BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import EarlyError, early, error
from producers.http.fields import two_decimals
from producers.http.meta import Detail
from producers.http.people.access import Access
from producers.http.reading_wallets import wallet
from producers.http.route import Asked, Route
from producers.http.seeds import fields002
from producers.http.seeds.bodies002 import (
    BalanceBody,
    DepositBody,
    Failure,
    TransferBody,
    receipt_path,
)
from schemas import identifiers, receipts
from schemas.identifiers import MAX_BIGINT
from schemas.money import show
from schemas.refusals import Code
from schemas.results import AnyResult
from schemas.results import Error as Refusal

FAMILY: Final = "002"


class NewTransfer(BaseModel):
    """To whom, and how much."""

    receiver_id: fields.Whole
    amount: fields002.PositiveAmount

    @staticmethod
    def told(errors: dict[str, Any]) -> object:
        """What is wrong, as the service tells it."""
        return fields002.nested(errors)


class NewDeposit(BaseModel):
    """How much comes in."""

    amount: fields002.Deposited

    @staticmethod
    def told(errors: dict[str, Any]) -> object:
        """What is wrong, as the service tells it."""
        return fields002.one_sentence(errors)


async def transfer(asked: Asked) -> Answer:
    """Send money to another user: both balances change, or none."""
    wanted: NewTransfer = asked.body
    mine = await own_wallet(asked)
    if wanted.receiver_id == asked.who.user_id:
        raise error(400, "Cannot transfer to yourself")
    wallet_id, is_active = await _receiver(asked, wanted.receiver_id)
    data = {
        "wallet_id": mine,
        "to_wallet_id": wallet_id,
        "amount": two_decimals(wanted.amount),
    }
    gone = None if is_active else _no_receiver()
    result = await asked.gateway.ask(asked, "transfer.v1", data, gone)
    if result.error:
        raise _refused(result.error, nested=True)
    number = number_of(asked, result)
    path = receipt_path(receipts.name_of(number, result.recorded_at))
    body = {
        "message": "Transfer successful",
        "transaction_id": number,
        "sender_balance": result.balance,
        "amount": data["amount"],
        "receiver_id": wanted.receiver_id,
        "receipt_url": f"{asked.base}{path}",
    }
    return Answer(body)


async def show_balance(asked: Asked) -> Answer:
    """What the user who asks has."""
    found = await asked.gateway.reading.read(wallet, await own_wallet(asked))
    if found is None:
        raise _no_wallet()
    balance = show(found.balance_minor, found.currency)
    who = asked.who
    return Answer({"user_id": who.user_id, "username": who.name, "balance": balance})


async def deposit(asked: Asked) -> Answer:
    """Put money into the own wallet, where people may."""
    mine = await own_wallet(asked)
    asked.rights.deposit(mine)
    data = {"wallet_id": mine, "amount": two_decimals(asked.body.amount)}
    result = await asked.gateway.ask(asked, "deposit.v1", data)
    if result.error:
        raise _refused(result.error)
    return Answer({"message": "Deposit successful", "balance": result.balance})


async def own_wallet(asked: Asked) -> str:
    """The wallet of the user who asks. Raises EarlyError 401, 403 or 404."""
    asked.rights.own_user()
    if asked.who.wallet_id is None:
        raise _no_wallet()
    return asked.who.wallet_id


def number_of(asked: Asked, result: AnyResult) -> int:
    """The integer id of what a command has made."""
    place, partitions = result.command, asked.gateway.settings.partitions
    return identifiers.number(place.offset, place.partition, partitions)


async def _receiver(asked: Asked, number: int) -> tuple[str, bool]:
    """The wallet of who is to get it, and whether that one gets anything now.

    Raises EarlyError 400.
    """
    found = await asked.gateway.people.user(number) if 0 < number <= MAX_BIGINT else None
    if found is None or found.wallet_id is None:
        raise _no_receiver()
    return found.wallet_id, found.is_active


def _no_receiver() -> EarlyError:
    return error(400, "Receiver not found")


def _no_wallet() -> EarlyError:
    return error(404, "Wallet not found")


def _refused(refusal: Refusal, *, nested: bool = False) -> EarlyError:
    """A refusal in the service's words."""
    if refusal.code == Code.INSUFFICIENT_FUNDS:
        return error(400, "Insufficient funds")
    if nested and refusal.param == "amount":
        return early(400, {"error": {"amount": [refusal.detail]}})
    return error(400, refusal.detail)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/api/wallet/transfer", handler=transfer, family=FAMILY,
        access=Access.SIGNED_IN, summary="Send money to another user", body=NewTransfer,
        answers={200: TransferBody, 400: Failure, 401: Detail},
    ),
    Route(
        method="GET", path="/api/wallet/balance", handler=show_balance, family=FAMILY,
        access=Access.SIGNED_IN, summary="What the user who asks has",
        answers={200: BalanceBody, 401: Detail},
    ),
    Route(
        method="POST", path="/api/wallet/deposit", handler=deposit, family=FAMILY,
        access=Access.SIGNED_IN, summary="Put money into the own wallet", body=NewDeposit,
        answers={200: DepositBody, 400: Failure, 401: Detail},
    ),
)  # fmt: skip
