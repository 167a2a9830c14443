"""What a program shows instead of a password: an API key, or a token with an expiry.

Both are 32 random bytes behind a prefix that tells them apart; only their SHA-256 is stored.
"""

import hashlib
import secrets
from typing import Final

KEY_PREFIX: Final = "wsk_"
TOKEN_PREFIX: Final = "wst_"  # noqa: S105 - how they all begin
SHOWN: Final = 10
"""So many characters of a key are kept in the clear, to tell it from others."""

LONGEST: Final = 128


def new_key() -> str:
    """A new API key."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_token() -> str:
    """A new token."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(bearer: str) -> bytes:
    """What is stored of it. No salt: nobody guesses 32 random bytes."""
    return hashlib.sha256(bearer.encode()).digest()
