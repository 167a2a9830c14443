"""Reads a call from an HTTP request: any body, or none, is a payment."""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from wallet.pretend_bank.ledger import Call

FIELDS: Final = ("wallet_uuid", "amount", "currency", "target", "withdrawal_id")
TEXT_CHARACTERS_MAX: Final = 200


def read(key: str | None, body: bytes) -> Call:
    """Read what the caller said; what it did not say, or not as a text or number, is None."""
    said, canonical = _parsed(body)
    texts = {name: _text(said.get(name)) for name in FIELDS}
    digest = blake2b(canonical, digest_size=16).hexdigest()
    return Call(key=key or None, digest=digest, **texts)


def _parsed(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The fields of a JSON object, and bytes that do not hang on their order; else the body."""
    try:
        said = msgspec.json.decode(body)
        canonical = msgspec.json.encode(said, order="sorted")
    except (msgspec.DecodeError, RecursionError, OverflowError):
        return {}, body
    return (said if isinstance(said, dict) else {}), canonical


def _text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:TEXT_CHARACTERS_MAX]
