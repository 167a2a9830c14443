"""What the types of a command's data cannot say: known currencies, times with a text, no NUL.

PostgreSQL's texts hold no NUL character. Pure.
"""

import re
from datetime import datetime, timedelta
from typing import Final

import msgspec

from schemas import identifiers, money
from schemas.accounts import WORLD_NAMES, is_world
from schemas.commands import CommandData, ScheduleWithdrawal
from schemas.diagnosis import invalid
from schemas.refusals import Code, Refusal

_FIRST_YEAR, _LAST_YEAR = 1970, 9998
BEYOND: Final = f"between the years {_FIRST_YEAR} and {_LAST_YEAR}"

_LONGEST: Final = timedelta(days=365 * 400)
_LIKE_UUID: Final = re.compile("(?:urn:uuid:)?(?:[0-9a-f]-?){31}[0-9a-f]", re.IGNORECASE)


def is_beyond(moment: datetime) -> bool:
    """Whether a moment lies so far out that it may have no text in UTC."""
    return not _FIRST_YEAR <= moment.year <= _LAST_YEAR


def wrong(subject: str | None, text: bytes, data: CommandData) -> Refusal | None:
    """What is wrong with a command's data; `text` is its JSON, `subject` the envelope's."""
    if subject is not None and subject != data.wallet_id:
        return invalid("subject", "the subject, if given, is the wallet id")
    if data.wallet_id in WORLD_NAMES:
        return invalid("wallet_id", "this account is the ledger's own")
    currency = getattr(data, "currency", None)
    if currency is not None and currency not in money.DECIMALS:
        return invalid("currency", f"{currency} is no ISO 4217 currency with a minor unit")
    if data.effective_at is not None and is_beyond(data.effective_at):
        return invalid("effective_at", BEYOND)
    if type(data) is ScheduleWithdrawal:
        refusal = _wrong_schedule(data)
        if refusal is not None:
            return refusal
    if b"\\u0000" in text:
        at = _nul_in(msgspec.to_builtins(data), "")
        return invalid(at, "text holds no NUL character") if at else None
    return None


def _wrong_schedule(data: ScheduleWithdrawal) -> Refusal | None:
    """What is wrong with the time or the target of a withdrawal."""
    if data.due_at is None and data.delay is None:
        words = "due_at or delay is required."
        return Refusal(Code.MISSING_FIELD, "due_at", {"field": "due_at"}, words)
    if data.due_at is not None and data.delay is not None:
        words = "delay: due_at is given too, and only one of the two can be."
        return Refusal(Code.INVALID_FIELD, "delay", detail=words)
    if data.due_at is not None and is_beyond(data.due_at):
        return invalid("due_at", BEYOND)
    if isinstance(data.delay, timedelta) and not timedelta() < data.delay < _LONGEST:
        return invalid("delay", "a length of time ahead, shorter than 400 years")
    if data.target is None:
        return None
    if data.target in WORLD_NAMES or is_world(data.target):
        return invalid("target", "this account is the ledger's own")
    # Else it would be taken for the number of an account; none has 32 hex digits.
    if _LIKE_UUID.fullmatch(data.target) and not identifiers.is_uuid(data.target):
        return invalid("target", "a wallet id in another spelling")
    return None


def _nul_in(value: object, path: str) -> str | None:
    """The path of a text within JSON data that holds a NUL, or None."""
    if isinstance(value, dict):
        found = (
            path if "\0" in name else _nul_in(part, f"{path}.{name}".lstrip("."))
            for name, part in value.items()
        )
        return next(filter(None, found), None)
    return path if isinstance(value, str) and "\0" in value else None
