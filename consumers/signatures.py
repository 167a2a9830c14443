"""Signatures of documents: HMAC-SHA256 by a key that only its owner has."""

import hmac

import msgspec
from msgspec.structs import replace


def signature_of(document: msgspec.Struct, key: bytes) -> str:
    """What its field `signature` is to be, in hex: of its JSON without that field."""
    unsigned = msgspec.json.encode(replace(document, signature=None))
    return hmac.new(key, unsigned, "sha256").hexdigest()


def is_signed(document: msgspec.Struct, signature: str | None, key: bytes) -> bool:
    """Whether a signature is that of this key and this document; compared in constant time."""
    # As bytes: of texts it takes only ASCII, and a file may have anything.
    return hmac.compare_digest((signature or "").encode(), signature_of(document, key).encode())
