"""What several rules ask before they change the books: each raises Refused where it does not hold.

A rule asks in the order of precedence of schemas.refusals.Code.
"""

from consumers.audit.books import Refused, Wallet
from schemas import money
from schemas.money import show
from schemas.refusals import Code


def existing(wallet: Wallet | None, wallet_id: str, param: str = "wallet_id") -> Wallet:
    """The wallet, which must be there."""
    if wallet is None:
        raise Refused(Code.WALLET_NOT_FOUND, param, {"wallet_id": wallet_id})
    return wallet


def same_currency(wallet: Wallet, given: str | None, param: str = "currency") -> None:
    """The wallet holds the currency given, if one is given."""
    if given is not None and given != wallet.currency:
        context = {"wallet_id": wallet.wallet_id, "held": wallet.currency, "given": given}
        raise Refused(Code.CURRENCY_MISMATCH, param, context)


def minor(amount: str, wallet: Wallet, param: str = "amount") -> int:
    """Minor units of an amount that the wallet's currency can have."""
    try:
        return money.parse(amount, wallet.currency)
    except money.AmountError as error:
        raise Refused(Code(error.code), param, {}, str(error)) from error


def active(wallet: Wallet, param: str = "wallet_id") -> None:
    """The wallet gives and takes money."""
    if wallet.status != "active":
        context = {"wallet_id": wallet.wallet_id, "status": wallet.status}
        raise Refused(Code.WALLET_NOT_ACTIVE, param, context)


def funds(wallet: Wallet, amount: int) -> None:
    """The wallet has so many minor units."""
    if wallet.balance_minor < amount:
        numbers = (wallet.balance_minor, amount, amount - wallet.balance_minor)
        texts = [show(number, wallet.currency) for number in numbers]
        context = dict(zip(("available", "required", "shortage"), texts, strict=True))
        raise Refused(Code.INSUFFICIENT_FUNDS, "amount", context)


def room(wallet: Wallet, amount: int, param: str = "amount") -> None:
    """The wallet can hold so many minor units more."""
    if wallet.balance_minor + amount > money.MAX_MINOR:
        raise Refused(Code.AMOUNT_TOO_LARGE, param)
