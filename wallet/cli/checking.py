"""Looks at a command before it is sent, with the ledger's own eyes (schemas.decoding)."""

from producers.checking.findings import inspect
from schemas import decoding
from schemas.cloudevents import Headers
from schemas.refusals import Code, Refusal, detail_of


def what_is_wrong(key: bytes | None, value: bytes, headers: Headers = ()) -> str | None:
    """Why a record can be no command: the field and the fix, no full stop; None if it can."""
    decoded = decoding.decode(key, value, headers)
    if isinstance(decoded, decoding.Unreadable):
        return decoded.reason
    if isinstance(decoded, decoding.RefusedCommand):
        return _said(decoded.refusal)
    return _wrong_amount(key, value, headers)


def _wrong_amount(key: bytes | None, value: bytes, headers: Headers) -> str | None:
    """Why a text is no amount at all; whether it can be moved depends on its wallet."""
    found = inspect(key, value, tuple(headers)).troubles
    wrong = [each.detail.rstrip(".") for each in found if each.code == Code.INVALID_FIELD]
    return wrong[0] if wrong else None


def _said(refusal: Refusal) -> str:
    detail = detail_of(refusal).rstrip(".")
    if refusal.param is None or detail.startswith(refusal.param):
        return detail
    return f"{refusal.param}: {detail}"
