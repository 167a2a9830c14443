"""Refusals that several rules give, with the numbers that tell a person why. Pure."""

from schemas import money
from schemas.money import AmountError
from schemas.refusals import Code, Refusal
from schemas.statuses import STATUSES
from streams.books import Books, Wallet


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
    return minor_of(text, wallet)


def minor_of(text: str, wallet: Wallet, param: str = "amount") -> int | Refusal:
    """Minor units of an amount in a wallet's currency."""
    try:
        return money.parse(text, wallet.currency)
    except AmountError as error:
        return Refusal(Code(error.code), param, detail=str(error))


def both_of(wallet_id: str, to_wallet_id: str, books: Books) -> tuple[Wallet, Wallet] | Refusal:
    """Who gives and who gets: two wallets that are there."""
    if wallet_id == to_wallet_id:
        return Refusal(Code.SAME_WALLET, "to_wallet_id")
    giver = books.wallets.get(wallet_id)
    if giver is None:
        return not_found(wallet_id)
    getter = books.wallets.get(to_wallet_id)
    return not_found(to_wallet_id, "to_wallet_id") if getter is None else (giver, getter)


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
