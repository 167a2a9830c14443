"""Looks at a command before it is sent, with the ledger's own eyes (schemas.decoding)."""

from schemas import decoding
from schemas.cloudevents import Headers
from schemas.refusals import Refusal, detail_of


def what_is_wrong(key: bytes | None, value: bytes, headers: Headers = ()) -> str | None:
    """Why a record can be no command: the field and the fix, no full stop; None if it can."""
    decoded = decoding.decode(key, value, headers)
    if isinstance(decoded, decoding.Unreadable):
        return decoded.reason
    if isinstance(decoded, decoding.RefusedCommand):
        return _said(decoded.refusal)
    return None


def _said(refusal: Refusal) -> str:
    detail = detail_of(refusal).rstrip(".")
    if refusal.param is None or detail.startswith(refusal.param):
        return detail
    return f"{refusal.param}: {detail}"
