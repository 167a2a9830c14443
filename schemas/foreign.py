"""Decoders of bytes that anybody may have written: whatever is wrong with them is one error."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

_Kind = TypeVar("_Kind")


def decoder(kind: type[_Kind]) -> Callable[[bytes | str], _Kind]:
    """Decodes JSON; raises msgspec.DecodeError on anything else, which is a ValueError.

    msgspec itself raises UnicodeDecodeError for what is no UTF-8, and RecursionError, which nobody
    expects of a decoder, for what is nested a thousand levels deep.
    """
    plain = msgspec.json.Decoder(kind).decode

    def decode(value: bytes | str) -> _Kind:
        try:
            return plain(value)
        except (UnicodeDecodeError, RecursionError) as error:
            raise msgspec.DecodeError(str(error)) from error

    return decode
