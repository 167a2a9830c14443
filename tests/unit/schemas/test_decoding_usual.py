"""The short way through decoding gives what the long way gives, and is taken by usual records."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import decoding
from schemas.commands import TYPES, Command
from schemas.decoding import decode, decode_any
from tests.unit.schemas.test_decoding_fuzz import GOOD, WALLET, data, headers, keys, values

USUAL = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"7"),
    ("ce_source", b"/till"),
    ("ce_type", b"deposit.v1"),
    ("ce_time", b"2026-11-20T10:00:00Z"),
    ("content-type", b"application/json"),
]
VALUE = json.dumps(GOOD["data"]).encode()


@given(keys, data | values, st.sampled_from([*TYPES]), headers)
def test_both_ways_answer_alike(
    key: bytes | None, body: object, kind: str, said: list[tuple[str, Any]]
) -> None:
    """Usual headers overlaid with any others, over any JSON."""
    value = json.dumps(body).encode(errors="surrogatepass")
    record = (key, value, [*USUAL, ("ce_type", kind.encode()), *said])
    assert decode(*record) == decode_any(*record)


@given(st.sampled_from(USUAL), st.binary(max_size=12) | st.none())
def test_both_ways_read_an_attribute_alike(attribute: tuple[str, bytes], given_: Any) -> None:  # noqa: ANN401 - a null header is none of the type
    """One usual header left out, or exchanged for any bytes."""
    others = [header for header in USUAL if header != attribute]
    for said in (others, [*others, (attribute[0], given_)]):
        record = (WALLET.encode(), VALUE, said)
        assert decode(*record) == decode_any(*record)


@pytest.mark.parametrize(
    "value",
    [None, b"", VALUE[:-1], VALUE.replace(b'"r"', b'"\\u0000"'), b"[" * 70, VALUE + b" " * 70_000],
)
def test_both_ways_refuse_a_value_alike(value: bytes | None) -> None:
    """No value, no JSON, a NUL, too deep, too long."""
    record = (WALLET.encode(), value, USUAL)
    assert decode(*record) == decode_any(*record)
    assert not isinstance(decode(*record), Command)


def test_long_attributes_are_not_kept() -> None:
    """Of a thousand senders each could have a megabyte."""
    kept = decoding._usual.cache_info  # noqa: SLF001 - what is kept shows nowhere else
    before = kept().currsize
    for number in range(3):
        source = b"/%d" % number + b"x" * 100_000
        said = [header for header in USUAL if header[0] != "ce_source"] + [("ce_source", source)]
        record = (WALLET.encode(), VALUE, said)
        assert decode(*record) == decode_any(*record)
    assert kept().currsize == before


@pytest.mark.parametrize("more", [[], [("ce_correlationid", b"c")], [("trace", b"\xff")]])
def test_a_usual_record_goes_the_short_way(
    monkeypatch: pytest.MonkeyPatch, more: list[tuple[str, bytes]]
) -> None:
    """Nothing of the long way is asked."""
    record = (WALLET.encode(), VALUE, [*USUAL, *more])
    expected = decode_any(*record)
    monkeypatch.setattr(decoding, "decode_any", None)
    assert decode(*record) == expected
    assert isinstance(expected, Command)
