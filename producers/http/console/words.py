"""How the console says what the ledger has: amounts, moments, kinds, statuses, for people."""

from datetime import datetime
from typing import Final

from markupsafe import Markup

from schemas.moments import in_milliseconds

KINDS: Final = {
    "wallet.create": "Wallet opened",
    "wallet.set_status": "Status set",
    "deposit": "Deposit",
    "transfer": "Transfer",
    "exchange": "Exchange",
    "charge_sale": "Charge sale",
    "refund": "Refund",
    "credit_request.create": "Credit asked for",
    "credit_request.approve": "Credit approved",
    "credit_request.reject": "Credit rejected",
    "withdrawal.schedule": "Withdrawal scheduled",
    "withdrawal.cancel": "Withdrawal cancelled",
    "withdrawal.execute": "Withdrawal executed",
    "withdrawal.settle": "Withdrawal paid",
    "withdrawal.fail": "Withdrawal failed",
    "withdrawal.review": "Withdrawal needs review",
}
"""Kind of a transaction -> its words."""

WORLD: Final = {
    "world:deposits": "outside: deposits",
    "world:charge_sales": "outside: charge sales",
    "world:credit": "outside: credit",
    "world:in_transit": "in transit",
    "world:bank": "the bank",
    "world:exchange": "outside: exchange",
}
"""An account of the world -> its words."""

TONES: Final = {
    "active": "good",
    "approved": "good",
    "paid": "good",
    "completed": "good",
    "scheduled": "open",
    "executing": "open",
    "pending": "open",
    "needs_review": "bad",
    "failed": "bad",
    "rejected": "bad",
    "suspended": "bad",
    "deactivated": "mute",
    "cancelled": "mute",
    "revoked": "mute",
    "disabled": "bad",
}
"""A status -> how its badge looks."""


def amount(text: str | None) -> str:
    """An amount with its thousands apart: "-1234567.50" is "-1,234,567.50". Never a float."""
    if text is None:
        return "-"
    sign = "-" if text.startswith("-") else ""
    whole, dot, fraction = text.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{dot}{fraction}" if whole.isdigit() else text


def moment(given: datetime | str | None) -> Markup:
    """A moment in UTC, with the zone said."""
    if given is None:
        return Markup("-")
    exact = in_milliseconds(given) if isinstance(given, datetime) else given
    shown = f"{exact[:10]} {exact[11:19]}"
    said = Markup('<time datetime="{}" title="{}">{} <span class="zone">UTC</span></time>')
    return said.format(exact, exact, shown)


def kind(name: str) -> str:
    """The words of a kind; those of a new one are its name."""
    return KINDS.get(name, name.replace("_", " ").replace(".", ": "))


def account(name: str) -> str:
    """The words of an account of the world."""
    return WORLD.get(name, name)


def status(name: str) -> Markup:
    """A status as a badge."""
    tone = TONES.get(name, "mute")
    return Markup('<span class="badge {}">{}</span>').format(tone, name.replace("_", " "))


def count(number: int | None) -> str:
    """A number with its thousands apart."""
    return "-" if number is None else f"{number:,}"


def span(seconds: float) -> str:
    """A length of time, in its two largest units: "2 h 5 min"."""
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    first = next((place for place, (many, _) in enumerate(parts) if many), 3)
    told = [f"{many} {unit}" for many, unit in parts[first : first + 2] if many or first == 3]  # noqa: PLR2004
    return " ".join(told) or "0 s"
