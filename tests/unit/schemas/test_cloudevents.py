"""CloudEvents in both modes, with the CloudEvents SDK as judge."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.cloudevents import (
    DamagedEnvelope,
    Envelope,
    EnvelopeError,
    Headers,
    headers_of,
    read,
)

ATTRIBUTES = {
    "specversion": "1.0",
    "id": "7",
    "source": "/till",
    "type": "deposit.v1",
    "subject": "w",
    "correlationid": "c-1",
    "traceparent": "00-1-2-01",
    "expirytime": "2026-11-20T11:00:00Z",
}
DATA = {"wallet_id": "w", "amount": "5.00", "note": 'ک "ü" \n'}
WHOLE: dict[str, Any] = {**ATTRIBUTES, "data": DATA}

# CloudEvents lets text hold no control characters and no lone surrogates.
texts = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=40
).filter(lambda text: text == text.strip())


def event(attributes: dict[str, str], data: dict[str, Any] | None) -> CloudEvent:
    """The SDK's event with these attributes."""
    moments = {"time": datetime(2026, 11, 20, 10, tzinfo=UTC)}
    return CloudEvent({**attributes, **moments, "datacontenttype": "application/json"}, data)


def told(envelope: Envelope) -> dict[str, Any]:
    """The attributes an envelope tells, and its data decoded."""
    told = {name: getattr(envelope, name) for name in ATTRIBUTES}
    return {**told, "data": msgspec.json.decode(envelope.data)}


def header_list(message: kafka.KafkaMessage) -> list[tuple[str, bytes]]:
    """The SDK's headers as the Kafka clients give them."""
    return list(message.headers.items())


@given(st.fixed_dictionaries(dict.fromkeys(("id", "source", "type", "subject"), texts)))
def test_what_the_sdk_writes_is_read(attributes: dict[str, str]) -> None:
    """Binary and structured, with any text in the attributes."""
    said = {**ATTRIBUTES, **attributes}
    binary = kafka.to_binary(event(said, DATA), JSONFormat())
    whole = kafka.to_structured(event(said, DATA), JSONFormat())
    assert told(read(binary.value, header_list(binary))) == {**said, "data": DATA}
    assert told(read(whole.value, header_list(whole))) == {**said, "data": DATA}
    assert told(read(whole.value, ())) == {**said, "data": DATA}


@given(st.fixed_dictionaries(dict.fromkeys(("id", "source", "type", "subject"), texts)))
def test_what_we_write_the_sdk_reads(attributes: dict[str, str]) -> None:
    """Our headers are a CloudEvent to the SDK, attribute by attribute."""
    said = {**ATTRIBUTES, **attributes, "time": "2026-11-20T10:00:00.123Z"}
    headers = [*headers_of(said.items()), ("content-type", b"application/json")]
    message = kafka.KafkaMessage(dict(headers), None, msgspec.json.encode(DATA))
    found = kafka.from_binary(message, JSONFormat())
    assert found.get_data() == DATA
    theirs = found.get_attributes()
    assert {name: theirs[name] for name in attributes} == attributes
    assert theirs["time"] == datetime(2026, 11, 20, 10, 0, 0, 123000, UTC)
    assert found.get_extension("correlationid") == "c-1"


def test_headers_keep_their_order() -> None:
    """Equal messages have equal headers, so attributes stay as they were given."""
    assert headers_of([("id", "7"), ("type", "ü")]) == [
        ("ce_id", b"7"),
        ("ce_type", "ü".encode()),
    ]


@pytest.mark.parametrize(
    "content_type",
    [b"application/cloudevents+json", b"application/cloudevents+json; charset=utf-8"],
)
def test_the_content_type_says_structured_mode(content_type: bytes) -> None:
    """A structured event may repeat its attributes as headers; the value is what counts."""
    headers = [("ce_id", b"other"), ("ce_type", b"t"), ("content-type", content_type)]
    assert told(read(msgspec.json.encode(WHOLE), headers)) == WHOLE


@pytest.mark.parametrize(
    "headers",
    [
        [("content-type", b"application/json")],
        [("content-type", None)],
        [("ce_source", b"/elsewhere"), ("trace", b"\xff")],
    ],
)
def test_other_headers_do_not_hide_a_structured_event(headers: Headers) -> None:
    """Only an id or a type among the headers says binary mode."""
    assert told(read(msgspec.json.encode(WHOLE), headers)) == WHOLE


def binary_with(**said: bytes | None) -> Envelope:
    """A binary event with these headers changed."""
    headers: list[tuple[str, Any]] = [
        (f"ce_{name}", text) for name, text in {"id": b"7", "type": b"t", **said}.items()
    ]
    return read(b"{}", headers)


def test_a_header_without_a_value_is_as_none() -> None:
    """Kafka's headers can be null; then the attribute is absent, not wrong."""
    envelope = binary_with(subject=None, source=b"/till")
    assert (envelope.subject, envelope.source) == (None, "/till")
    assert type(envelope) is Envelope


@pytest.mark.parametrize("name", ["source", "subject", "expirytime", "correlationid", "type"])
def test_a_header_that_is_not_utf_8_is_named(name: str) -> None:
    """The id can still be read, so the command gets its answer."""
    envelope = binary_with(**{name: b"\xff\xfe"})
    assert isinstance(envelope, DamagedEnvelope)
    assert (envelope.wrong, envelope.id, getattr(envelope, name)) == (name, "7", None)


@pytest.mark.parametrize("wrong", [5, 1.5, True, [], {}, ["x"]])
@pytest.mark.parametrize("name", ["source", "subject", "expirytime", "time", "type"])
def test_an_attribute_of_another_type_is_named(name: str, wrong: object) -> None:
    """An expiry that is no text must not become a command that never expires."""
    envelope = read(msgspec.json.encode({**WHOLE, name: wrong}), ())
    assert isinstance(envelope, DamagedEnvelope)
    assert (envelope.wrong, envelope.id, getattr(envelope, name)) == (name, "7", None)
    assert msgspec.json.decode(envelope.data) == DATA


def test_of_two_wrong_attributes_the_first_is_named() -> None:
    """In the order of the envelope, whatever the order of the sender."""
    envelope = read(msgspec.json.encode({"time": 1, "source": 2, "id": "7"}), ())
    assert isinstance(envelope, DamagedEnvelope)
    assert envelope.wrong == "source"
    assert bytes(envelope.data) == b""


def test_an_attribute_of_null_is_absent() -> None:
    """JSON's null says nothing, for all but the id."""
    envelope = read(msgspec.json.encode({**WHOLE, "subject": None, "time": None}), ())
    assert (envelope.subject, envelope.time, type(envelope)) == (None, None, Envelope)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"hello", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"id": "7"} x', "not JSON"),
        (b'\xef\xbb\xbf{"id": "7"}', "not JSON"),
        (b'{"id": "7", "data": NaN}', "not JSON"),
        (b'{"id": "7", "data": Infinity}', "not JSON"),
        (b'{"id": "\xff"}', "not JSON"),
        (b'{"id": "7", "type": 5, "\xff": 1}', "not JSON"),
        (b'{"id": "\\ud800"}', "not JSON"),
        (b'{"x":' * 100_000, "nested deeper than 64"),
        (b"[" * 100_000, "nested deeper than 64"),
        (b'{"id": "7", "type": 5, "data": ' + b"[" * 100_000, "nested deeper than 64"),
        (b"[]", "no JSON object"),
        (b'[{"id": "7"}]', "no JSON object"),
        (b"null", "no JSON object"),
        (b'"7"', "no JSON object"),
        (b"7", "no JSON object"),
        (b"{}", "no id"),
        (b'{"id": ""}', "no id"),
        (b'{"id": null}', "no id"),
        (b'{"id": 7}', "no id"),
        (b'{"id": ["7"], "source": "/till"}', "no id"),
        (b'{"id": "' + b"7" * 257 + b'"}', "longer than 256"),
        (b'{"id": "a\\u0000b"}', "NUL"),
    ],
)
def test_without_an_id_there_is_no_envelope(value: bytes | None, reason: str) -> None:
    """The error says what the record is not, for the dead letter's header."""
    with pytest.raises(EnvelopeError, match=reason) as caught:
        read(value, ())
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        [("ce_type", b"deposit.v1")],
        [("ce_type", b"deposit.v1"), ("ce_id", None)],
        [("ce_id", b"")],
        [("ce_id", b"\xff")],
        [("ce_id", b"a\0b")],
        [("ce_id", b"7" * 257)],
    ],
)
def test_a_binary_event_needs_its_id_too(headers: Sequence[tuple[str, bytes]]) -> None:
    """Headers that name a type but no usable id say nothing."""
    with pytest.raises(EnvelopeError, match="id"):
        read(b'{"id": "7"}', headers)


def test_the_longest_id_is_read() -> None:
    """256 characters, not bytes."""
    assert binary_with(id=("ü" * 256).encode()).id == "ü" * 256


def test_a_doubled_key_counts_as_its_last() -> None:
    """As in every JSON parser that does not refuse it."""
    assert read(b'{"id": "1", "id": "7"}', ()).id == "7"


def test_what_travels_on_is_short_and_clean() -> None:
    """Attributes that no header should hold stay behind."""
    both = Envelope(correlationid="c", traceparent="t")
    assert both.carried() == {"correlationid": "c", "traceparent": "t"}
    assert Envelope(traceparent="t").carried() == {"traceparent": "t"}
    assert Envelope().carried() is None
    assert not Envelope(correlationid="c" * 257, traceparent="a\0").carried()
