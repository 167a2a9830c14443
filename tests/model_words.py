"""Words and checks of the model of the ledger: amounts, refusals, what a wallet is."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

DECIMALS = {"IRR": 2, "JPY": 0, "KWD": 3}
LARGEST = 10**38 - 1

Answer = dict[str, Any]


@dataclass
class Account:
    """A wallet."""

    currency: str
    balance: int = 0
    sequence: int = 1
    status: str = "active"


def minor(text: str, currency: str) -> int:
    """Minor units of a good amount."""
    return int(Fraction(text) * 10 ** DECIMALS[currency])


def show(amount: int, currency: str) -> str:
    """Minor units as a decimal string."""
    decimals = DECIMALS[currency]
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)


def refused(code: str, param: str, **context: str) -> Answer:
    """What is said to a command that is refused."""
    return {"status": "rejected", "code": code, "param": param, "context": context}


def missing(wallet: str, param: str = "wallet_id") -> Answer:
    """There is no such wallet."""
    return refused("wallet_not_found", param, wallet_id=wallet)


def wrong_currency(data: dict[str, Any], own: Account, to: str = "") -> Answer | None:
    """Why the currency said cannot be. `to` is "to_" for the wallet that gets the money."""
    given = data.get(f"{to}currency")
    if given is None or given == own.currency:
        return None
    told = {"wallet_id": data[f"{to}wallet_id"], "held": own.currency, "given": given}
    return refused("currency_mismatch", f"{to}currency", **told)


def wrong_amount(data: dict[str, Any], own: Account, param: str = "amount") -> Answer | None:
    """Why the amount said cannot be."""
    text = data[param]
    plain = text.removeprefix("-")
    if not plain.replace(".", "", 1).isdecimal() or plain[0] == "." or plain[-1] == ".":
        return refused("invalid_field", param)
    if text[0] == "-":
        return refused("amount_not_positive", param)
    if len(text.partition(".")[2]) > DECIMALS[own.currency]:
        return refused("amount_precision", param)
    if minor(text, own.currency) == 0:
        return refused("amount_not_positive", param)
    if minor(text, own.currency) > LARGEST:
        return refused("amount_too_large", param)
    return None


def not_active(wallet: str, own: Account, param: str = "wallet_id") -> Answer | None:
    """Why the wallet neither gives nor takes money."""
    if own.status == "active":
        return None
    return refused("wallet_not_active", param, wallet_id=wallet, status=own.status)


def no_funds(own: Account, amount: int) -> Answer | None:
    """Why the wallet cannot give so much."""
    if own.balance >= amount:
        return None
    numbers = {"available": own.balance, "required": amount, "shortage": amount - own.balance}
    told = {name: show(number, own.currency) for name, number in numbers.items()}
    return refused("insufficient_funds", "amount", **told)
