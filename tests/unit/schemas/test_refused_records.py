"""Envelopes, keys and bytes that are no command: refused by name, or unreadable."""

import json
from collections.abc import Callable

import pytest

from schemas import nesting
from schemas.commands import Command
from schemas.decoding import MAX_VALUE_BYTES, Decoded, RefusedCommand, Unreadable, decode
from schemas.diagnosis import diagnose
from schemas.refusals import Code, detail_of

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
OTHER = "01930f6e-3c00-7000-8000-00000000000b"

Send = Callable[..., Decoded]
Refused = Callable[..., RefusedCommand]


@pytest.mark.parametrize("name", ["specversion", "source", "type", "data"])
def test_a_missing_attribute_is_named(name: str, refused: Refused) -> None:
    """An id alone is not enough for a command, but for an answer."""
    answer = refused(**{name: ...})
    assert (answer.refusal.code, answer.refusal.param) == (Code.MISSING_FIELD, name)
    assert name in detail_of(answer.refusal)
    assert answer.dead is None


@pytest.mark.parametrize("name", ["specversion", "source", "type"])
@pytest.mark.parametrize("said", ["", None])
def test_an_empty_attribute_is_a_missing_one(name: str, said: object, refused: Refused) -> None:
    """CloudEvents knows no empty text, and null says nothing."""
    assert refused(**{name: said}).refusal.code is Code.MISSING_FIELD


@pytest.mark.parametrize("name", ["source", "type", "subject", "expirytime", "correlationid"])
def test_an_attribute_that_is_no_text_is_invalid(name: str, refused: Refused) -> None:
    """Above all an expiry: dropped silently, the command would never expire."""
    answer = refused(**{name: 5})
    assert (answer.refusal.code, answer.refusal.param) == (Code.INVALID_FIELD, name)
    assert detail_of(answer.refusal).startswith(f"{name}: a CloudEvents attribute is UTF-8 text.")
    assert answer.wallet_id == WALLET


@pytest.mark.parametrize(
    "name", ["source", "subject", "correlationid", "traceparent", "expirytime"]
)
@pytest.mark.parametrize("text", ["x" * 257, "a\0b"])
def test_attributes_have_a_limit(name: str, text: str, refused: Refused) -> None:
    """Keys and headers are short and PostgreSQL's text; nothing too long travels on."""
    answer = refused(**{name: text})
    assert (answer.refusal.code, answer.refusal.param) == (Code.INVALID_FIELD, name)
    assert "at most 256 characters" in detail_of(answer.refusal)
    assert len(answer.source or "") <= 256
    assert "\0" not in (answer.source or "")
    assert not answer.extras


def test_what_is_too_long_stays_behind_whatever_was_refused(refused: Refused) -> None:
    """The first refusal is told; a long attribute behind it is no header of the result."""
    answer = refused(specversion=..., correlationid="c" * 60_000, traceparent="t")
    assert answer.refusal.code is Code.MISSING_FIELD
    assert answer.extras == {"traceparent": "t"}


def test_only_cloudevents_1_0_is_spoken(refused: Refused) -> None:
    """Older versions have other names for the same things."""
    refusal = refused(specversion="0.3").refusal
    assert (refusal.code, refusal.param) == (Code.INVALID_FIELD, "specversion")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("depositt.v1", "deposit.v1"),
        ("deposit", "deposit.v1"),
        ("wallet.creat.v1", "wallet.create.v1"),
        ("sing.v1", None),
        ("x" * 10_000, None),
        ("\0", None),
    ],
)
def test_an_unknown_type_asks_what_was_meant(
    given: str, meant: str | None, refused: Refused
) -> None:
    """The nearest known name, where one is near."""
    answer = refused(type=given)
    assert (answer.refusal.code, answer.refusal.param) == (Code.UNKNOWN_TYPE, "type")
    assert ("Did you mean" in detail_of(answer.refusal)) == (meant is not None)
    assert (meant or "") in detail_of(answer.refusal)
    assert len(detail_of(answer.refusal)) < 500
    assert answer.type == given[:256]


@pytest.mark.parametrize(
    "key", [OTHER.encode(), WALLET.upper().encode(), b"", b"\xff\xfe", b"x" * 10_000, b"\0"]
)
def test_a_key_must_be_the_wallet_id(key: bytes, refused: Refused) -> None:
    """Any other key orders the wallet's commands on two partitions; it is a dead letter too."""
    answer = refused(key=key)
    assert (answer.refusal.code, answer.refusal.param) == (Code.KEY_MISMATCH, "wallet_id")
    assert answer.dead == "the key is not the wallet id"
    assert WALLET in detail_of(answer.refusal)
    assert len(detail_of(answer.refusal)) < 300
    assert answer.wallet_id == WALLET


def test_a_subject_must_be_the_wallet_id(refused: Refused) -> None:
    """Said twice, it must be said alike."""
    refusal = refused(subject=OTHER).refusal
    assert (refusal.code, refusal.param) == (Code.INVALID_FIELD, "subject")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-11-20",
        "2026-11-20T10:00:00",
        "1795168800",
        "2026-11-20T10:00:61Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_an_expiry_is_a_moment_with_its_zone(text: str, refused: Refused) -> None:
    """Without a zone it could not be compared with the broker's clock."""
    refusal = refused(expirytime=text).refusal
    assert (refusal.code, refusal.param) == (Code.INVALID_FIELD, "expirytime")
    assert detail_of(refusal).startswith("expirytime: ")
    assert "with a time zone" in detail_of(refusal)


def test_an_oversize_command_is_a_dead_letter_with_an_answer(send: Send, refused: Refused) -> None:
    """The limit is on the bytes of the value."""
    assert isinstance(send(padding="p" * 60_000), Command)
    answer = refused(padding="p" * MAX_VALUE_BYTES)
    assert (answer.refusal.code, answer.refusal.param) == (Code.INVALID_FIELD, "data")
    assert (answer.dead, answer.wallet_id) == ("oversize", WALLET)
    assert str(MAX_VALUE_BYTES) in detail_of(answer.refusal)


def test_an_oversize_command_tells_what_else_is_wrong_first(refused: Refused) -> None:
    """And is a dead letter all the same."""
    answer = refused(source=..., padding="p" * MAX_VALUE_BYTES)
    assert (answer.refusal.param, answer.dead) == ("source", "oversize")


def test_the_largest_command_fits() -> None:
    """20 strings of 512 characters of 4 bytes under 64-character names are within the limit."""
    metadata = {f"{n:02d}" + "\U0001f4b6" * 62: "\U0001f4b6" * 512 for n in range(20)}
    data = {"wallet_id": WALLET, "amount": "1", "reference": "r" * 128, "metadata": metadata}
    attributes = {"specversion": "1.0", "id": "i" * 256, "source": "s" * 256, "type": "deposit.v1"}
    value = json.dumps({**attributes, "data": data}, ensure_ascii=False).encode()
    assert isinstance(decode(WALLET.encode(), value), Command)


def binary(value: bytes | None, **said: bytes) -> Decoded:
    """Decode a record in binary mode with these headers besides the good ones."""
    good = {"specversion": b"1.0", "id": b"7", "source": b"/till", "type": b"deposit.v1"}
    headers = [(f"ce_{name}", text) for name, text in {**good, **said}.items()]
    return decode(None, value, headers)


@pytest.mark.parametrize("value", [None, b""])
def test_a_binary_command_needs_its_value(value: bytes | None) -> None:
    """Headers alone are no command, but an answerable one."""
    answer = binary(value)
    assert isinstance(answer, RefusedCommand)
    assert (answer.refusal.code, answer.refusal.param) == (Code.MISSING_FIELD, "data")


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"hello",
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b'{"wallet_id": "\xff"}',
        b"\0",
        b'{"wallet_id": "\\ud800"}',
        b'{"amount": 01}',
        b'{"wallet_id": "%s", "amount": "1"} x' % WALLET.encode(),
        b'{"\xff": 1}',
    ],
)
def test_a_binary_value_that_is_not_json_is_a_dead_letter_with_an_answer(value: bytes) -> None:
    """The id stands in the headers."""
    answer = binary(value)
    assert isinstance(answer, RefusedCommand)
    assert (answer.refusal.code, answer.refusal.param) == (Code.INVALID_FIELD, "data")
    assert (answer.dead or "").startswith("the data is not JSON")
    assert answer.wallet_id is None


@pytest.mark.parametrize("number", [b"1e400", b"1" * 30, b"1" * 5000, b"-0", b"1.5e300"])
def test_a_huge_number_is_no_amount(number: bytes) -> None:
    """No number is, so none can overflow."""
    answer = binary(b'{"wallet_id": "%s", "amount": %s}' % (WALLET.encode(), number))
    assert isinstance(answer, RefusedCommand)
    assert (answer.refusal.code, answer.refusal.param) == (Code.INVALID_FIELD, "amount")
    assert answer.wallet_id == WALLET


def test_deep_data_is_refused_alike_everywhere() -> None:
    """By our own limit, not by the stack of whoever decodes."""
    answer = binary(b'{"x":' * 100_000)
    assert isinstance(answer, RefusedCommand)
    assert answer.refusal.param == "data"
    assert "nested deeper than 64 levels" in detail_of(answer.refusal)


def test_what_compression_has_hidden_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of 30 KB may be one of 300 MB; the id in its headers is answered all the same."""
    looked: list[bytes] = []
    monkeypatch.setattr(nesting, "is_too_deep", looked.append)
    value = b"[]" * 524_289
    answer = binary(value)
    assert isinstance(answer, RefusedCommand)
    assert (answer.refusal.param, answer.dead) == ("data", "oversize")
    assert decode(None, value) == Unreadable("the value is larger than 1048576 bytes")
    assert looked == []


def test_a_header_that_is_not_utf_8_is_refused_by_name() -> None:
    """The command still gets its answer."""
    answer = binary(b"{}", source=b"\xff")
    assert isinstance(answer, RefusedCommand)
    assert (answer.refusal.param, answer.source) == ("source", None)


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"\xff", b"[]", b"null", b"5", b"{}", b"NaN", b'{"id": 7}', b"\0"]
)
def test_without_an_id_a_record_is_unreadable(value: bytes | None) -> None:
    """There is nobody to answer; the reason goes into the dead letter's header."""
    answer = decode(WALLET.encode(), value)
    assert isinstance(answer, Unreadable)
    assert answer.reason


def test_a_doubled_key_counts_as_its_last() -> None:
    """As in every JSON parser that does not refuse it; the fingerprint sees the same."""
    once = binary(b'{"wallet_id": "%s", "amount": "2"}' % WALLET.encode())
    twice = binary(b'{"amount": "1", "wallet_id": "%s", "amount": "2"}' % WALLET.encode())
    assert isinstance(once, Command)
    assert twice == once


@pytest.mark.parametrize("words", [" - at `$", " - at `$.amount` ", " field `"])
def test_what_a_sender_writes_is_read_once(words: str) -> None:
    """A pattern that looked at it again and again would hold a worker, and then the next one."""
    text = words + "a" * 1_000_000
    found = diagnose(f"Invalid enum value '{text}' - at `$.status`", "wallet.set_status.v1")
    assert (found.code, found.param) == (Code.INVALID_FIELD, "status")
    unknown = diagnose(f"Object contains unknown field `{text}`", "wallet.set_status.v1")
    assert (unknown.code, unknown.param) == (Code.UNKNOWN_FIELD, text[:256])
