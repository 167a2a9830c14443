"""Refusals that several rules give, with the numbers that tell a person why. Pure."""

from schemas import money
from schemas.money import AmountError
from schemas.refusals import Code, Refusal
from schemas.statuses import STATUSES
from streams.books import Wallet


def amount_of(
    text: str,
    currency: str | None,
    wallet: Wallet,
    receiver: Wallet | None = None,
    receiver_param: str = "to_wallet_id",
) -> int | Refusal:
    """Minor units of an amount that must be of the wallets' currency."""
    if currency is not None and currency != wallet.currency:
        return mismatch(wallet, currency)
    if receiver is not None and receiver.currency != wallet.currency:
        return mismatch(receiver, wallet.currency, receiver_param)
    try:
        return money.parse(text, wallet.currency)
    except AmountError as error:
        return Refusal(Code(error.code), "amount", detail=str(error))


def not_found(wallet_id: str, param: str = "wallet_id") -> Refusal:
    """No such wallet."""
    return Refusal(Code.WALLET_NOT_FOUND, param, {"wallet_id": wallet_id})


def mismatch(wallet: Wallet, given: str, param: str = "currency") -> Refusal:
    """The wallet holds another currency than the one given."""
    context = {"wallet_id": wallet.wallet_id, "held": wallet.currency, "given": given}
    return Refusal(Code.CURRENCY_MISMATCH, param, context)


def not_active(wallet: Wallet, param: str = "wallet_id") -> Refusal:
    """The wallet neither gives nor takes money."""
    context = {"wallet_id": wallet.wallet_id, "status": STATUSES[wallet.status]}
    return Refusal(Code.WALLET_NOT_ACTIVE, param, context)


def insufficient(wallet: Wallet, required: int) -> Refusal:
    """The wallet holds less than `required`, in minor units."""
    numbers = {
        "available": wallet.balance_minor,
        "required": required,
        "shortage": required - wallet.balance_minor,
    }
    context = {name: money.show(minor, wallet.currency) for name, minor in numbers.items()}
    return Refusal(Code.INSUFFICIENT_FUNDS, "amount", context)
