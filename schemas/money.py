"""Amounts: decimal strings in major units outside, integers of minor units inside, never a float.

Decimals are ISO 4217's (IRR has 2 there; babel prints it with 0, so babel is never asked).
"""

from decimal import Decimal
from typing import Final

from iso4217 import Currency

DEFAULT_CURRENCY: Final = "IRR"
MAX_DIGITS: Final = 38
MAX_MINOR: Final = 10**MAX_DIGITS - 1
"""The largest amount or balance, in minor units: what numeric(38,0) holds."""

DECIMALS: Final[dict[str, int]] = {
    currency.code: currency.exponent for currency in Currency if currency.exponent is not None
}
"""ISO 4217 code -> decimals of its minor unit; funds and metals without one are left out."""


class AmountError(ValueError):
    """An amount that cannot be taken. `code` is the rejection code that says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def parse(text: str, currency: str) -> int:
    """Minor units of a positive decimal string such as "5000.00".

    Raises AmountError with code invalid_field (not a plain decimal number), amount_not_positive,
    amount_precision (more decimals than ISO 4217 gives the currency) or amount_too_large.
    """
    decimals = DECIMALS[currency]
    whole, point, fraction = text.partition(".")
    digits = whole + fraction
    plain = digits.isascii() and digits.isdigit() and whole != "" and (not point or fraction != "")
    if not plain or len(fraction) > decimals or len(whole) > MAX_DIGITS:
        raise _why_not(text, currency)
    minor = int(digits + "0" * (decimals - len(fraction)))
    if minor == 0:
        raise AmountError("amount_not_positive", f"Positive value required, got {text}.")
    if minor > MAX_MINOR:
        raise _too_large()
    return minor


def show(minor: int, currency: str) -> str:
    """The decimal string of an amount, as "5000.00" for 500000 minor units of IRR."""
    decimals = DECIMALS[currency]
    if decimals == 2 and not -100 < minor < 100:  # noqa: PLR2004 - nearly all: IRR, EUR, USD
        text = str(minor)
        return f"{text[:-2]}.{text[-2:]}"
    if decimals == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    digits = str(abs(minor)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def _why_not(text: str, currency: str) -> AmountError:
    """The most telling reason why `text` is no amount of `currency`."""
    unsigned = text[1:] if text[:1] == "-" else text
    whole, point, fraction = unsigned.partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit() and whole) or (point and not fraction):
        return AmountError(
            "invalid_field", 'Not a decimal number. Write it like "50.00": digits, one point.'
        )
    if text[0] == "-":
        return AmountError("amount_not_positive", f"Positive value required, got {text[:50]}.")
    if len(fraction) > DECIMALS[currency]:
        return AmountError(
            "amount_precision",
            f"{currency} has {DECIMALS[currency]} decimals, got {len(fraction)}.",
        )
    if Decimal(digits) == 0:
        return AmountError("amount_not_positive", f"Positive value required, got {text[:50]}.")
    return _too_large()


def _too_large() -> AmountError:
    return AmountError("amount_too_large", f"At most {MAX_DIGITS} digits in minor units.")
