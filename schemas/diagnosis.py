"""Why data does not fit its command's type: msgspec's complaint as a refusal that names the fix."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from schemas.cloudevents import MAX_ATTRIBUTE
from schemas.commands import TYPES, Owner
from schemas.refusals import Code, Refusal

MAX_DETAIL: Final = 300
"""Longest sentence made from a sender's own words, in characters."""

_NESTED: Final[dict[str, type[Struct]]] = {"owner": Owner}
_MOMENT: Final = 'Write it with a time zone, as "2026-11-20T10:00:00Z".'
_UUID: Final = 'It is a lower-case UUID, as "01930f6e-3c00-7000-8000-000000000001".'
_PHONE: Final = "It is 10 to 15 digits, with or without a plus in front."
_FIXES: Final[dict[str, str]] = {
    "amount": 'Write amounts as text, as "50.00".',
    "by": "It is a text of at most 128 characters.",
    "credit_request_id": _UUID,
    "currency": 'It is an ISO 4217 code, as "IRR".',
    "data": "The data of a command is one JSON object.",
    "delay": 'Write it as an ISO 8601 duration in D, H, M and S, as "P3D" or "PT90S", or as whole '
    "seconds.",
    "due_at": _MOMENT,
    "effective_at": _MOMENT,
    "expirytime": _MOMENT,
    "metadata": "At most 20 texts of at most 512 characters, under names of at most 64.",
    "phone": _PHONE,
    "phone_number": _PHONE,
    "reason": "It is a text of 1 to 256 characters.",
    "reference": "It is a text of at most 128 characters.",
    "status": "It is active, deactivated or suspended.",
    "target": "It is a wallet's lower-case UUID, or the number of a bank account: at most 64 "
    "letters, digits, blanks and . _ : / - after a letter or digit.",
    "to_wallet_id": _UUID,
    "transaction_id": _UUID,
    "wallet_id": _UUID,
    "withdrawal_id": _UUID,
}

_WITHIN: Final = "|".join(_NESTED)
# Senders' own words stand in these messages, up to 64 KB of them: no pattern here may look at one
# place twice, since all lanes of a worker wait for it.
_FIELD: Final = re.compile(
    rf"Object (?:missing required|contains unknown) field `(.*?)`(?: - at `\$\.({_WITHIN})`)?",
    re.DOTALL,
)
_AT: Final = re.compile(r"(?:`key` in )?`\$\.?([^`\[]*)(?:\[[^`]*)?`")


def diagnose(message: str, command_type: str) -> Refusal:
    """The refusal for what msgspec says of a command's data.

    `message` is the text of its ValidationError: it stops at the first field that is wrong.
    """
    found = _FIELD.fullmatch(message)
    if found is None:
        param, complaint = _placed(message)
        return invalid(param, complaint[:1].lower() + complaint[1:].rstrip("."))
    field, within = found[1], found[2] or ""
    path = (f"{within}.{field}" if within else field)[:MAX_ATTRIBUTE]
    if message.startswith("Object missing required field"):
        return Refusal(Code.MISSING_FIELD, path, {"field": path})
    known = _NESTED.get(within, TYPES[command_type]).__struct_fields__
    words = f"{path} is not a field of {command_type}.{did_you_mean(field, known)}"
    return Refusal(Code.UNKNOWN_FIELD, path, {"field": path}, words)


def _placed(message: str) -> tuple[str, str]:
    """The field that msgspec names last of all, and what it says of it."""
    complaint, _, place = message.rpartition(" - at ")
    at = _AT.fullmatch(place)
    return (at[1] or "data", complaint) if at else ("data", message)


def invalid(param: str, complaint: str) -> Refusal:
    """The refusal of one field's value: what is wrong (half a sentence), and how to write it."""
    # A pattern tells a person nothing; the fix says the same in words.
    words = "not of the right form" if "matching regex" in complaint else complaint
    detail = f"{param}: {words[:MAX_DETAIL]}."
    fix = _FIXES.get(param.rpartition(".")[2])
    return Refusal(Code.INVALID_FIELD, param, detail=f"{detail} {fix}" if fix else detail)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A question with the nearest of the names known, to stand behind a sentence; or nothing."""
    close = difflib.get_close_matches(given[:64], list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""
