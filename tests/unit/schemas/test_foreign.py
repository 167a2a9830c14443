"""Bytes that anybody may have written: each of the readers' decoders has one error for them."""

from collections.abc import Callable

import msgspec
import pytest

from schemas import balances, events, results

DEEP = b'{"new": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"


@pytest.mark.parametrize(
    "decode", [events.decode, events.decode_step, results.decode, balances.decode]
)
@pytest.mark.parametrize("value", [DEEP, b'"\xff"', b'{"a\xff": 1}', b"{", b"", b"[]", b"1" * 5000])
def test_whatever_is_wrong_is_one_error(decode: Callable[[bytes], object], value: bytes) -> None:
    """Nested deeper than the stack, no UTF-8, no JSON, other JSON."""
    with pytest.raises(msgspec.DecodeError):
        decode(value)
