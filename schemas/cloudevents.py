"""CloudEvents 1.0 on Kafka: attributes from `ce_*` headers (binary) or from the value (structured).

Both modes are read, binary is written. Written by hand because the SDK takes 6 to 14 us a message
(LIBRARIES.md); tests hold it against the SDK.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from schemas import nesting

Headers = Sequence[tuple[str, bytes]]
_Part = TypeVar("_Part")
MAX_ATTRIBUTE: Final = 256
"""Longest attribute taken, in characters: ids and sources are keys, not documents."""

CARRIED: Final = ("correlationid", "traceparent")
"""Extension attributes that travel from a command to its result and events."""


def fits(attribute: str) -> bool:
    """Whether an attribute can be a key or a header: short enough, and PostgreSQL has no NUL."""
    return len(attribute) <= MAX_ATTRIBUTE and "\0" not in attribute


class EnvelopeError(ValueError):
    """A record that is no CloudEvent: nothing in it says which command it was."""


class Envelope(msgspec.Struct, gc=False):
    """The attributes of one message and its data as JSON bytes; None where absent."""

    specversion: str | None = None
    id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None
    time: str | None = None
    expirytime: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None
    data: msgspec.Raw = msgspec.Raw()

    def carried(self) -> dict[str, str] | None:
        """The attributes to pass on, or None; what is no attribute by its length is left behind."""
        if self.correlationid is None and self.traceparent is None:
            return None
        both = {name: getattr(self, name) for name in CARRIED}
        return {name: text for name, text in both.items() if text is not None and fits(text)}


class DamagedEnvelope(Envelope):
    """An envelope of which one part other than the id, `wrong`, is left out; `why` tells why."""

    wrong: str = ""
    why: str = "a CloudEvents attribute is UTF-8 text"


_FIELDS: Final = frozenset(Envelope.__struct_fields__) - {"data"}
_NAMES: Final = {f"ce_{name}": name for name in _FIELDS}
"""Header -> attribute."""
_DECODE: Final = msgspec.json.Decoder(Envelope).decode
_DECODE_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_DECODE_TEXT: Final = msgspec.json.Decoder(str | None).decode
_DEEP: Final = f"nested deeper than {nesting.DEEPEST} levels"
LARGEST_BYTES: Final = 1024 * 1024
"""What is larger is not looked into: a record is as long as its compression could hide."""

STRUCTURED: Final = b"application/cloudevents"
"""A content type that begins so says structured mode, whatever other headers there are."""


def read(value: bytes | None, headers: Headers) -> Envelope:
    """The envelope of a record, whichever mode it was sent in.

    Raises EnvelopeError when no id can be read: no header tells it and the value is not JSON.
    """
    attributes = attributes_of(headers)
    if (attributes.get("content-type") or b"").startswith(STRUCTURED):
        return _structured(value)
    if "ce_id" in attributes or "ce_type" in attributes:
        return _binary({_NAMES[n]: text for n, text in attributes.items() if n in _NAMES}, value)
    return _structured(value)


def attributes_of(headers: Headers) -> dict[str, bytes]:
    """A record's headers by name; of those of one name the last counts.

    A name ends at a NUL, as it does for every client made of librdkafka, whose names are C's: else
    the worker, whose client takes such names whole, would read another command than all others.
    """
    attributes = dict(headers)
    if "\0" in "".join(attributes):
        return {name.partition("\0")[0]: value for name, value in headers}
    return attributes


def _binary(attributes: dict[str, bytes], value: bytes | None) -> Envelope:
    if value and len(value) > LARGEST_BYTES:
        return _what_can_be_read(attributes, _header_text, msgspec.Raw())
    data = msgspec.Raw(value or b"")
    if nesting.is_too_deep(value or b""):
        bare = _what_can_be_read(attributes, _header_text, msgspec.Raw())
        return DamagedEnvelope(
            bare.specversion, bare.id, bare.source, bare.type, wrong="data", why=_DEEP
        )
    try:
        texts = {name: text.decode() for name, text in attributes.items()}
    except (UnicodeDecodeError, AttributeError):
        return _what_can_be_read(attributes, _header_text, data)
    return _bounded(Envelope(**texts, data=data))


def _header_text(header: bytes | None) -> str | None:
    """A header without a value is as none."""
    return None if header is None else header.decode()


def _structured(value: bytes | None) -> Envelope:
    if not value:
        raise EnvelopeError("the record is empty: neither ce_ headers nor a value")
    if len(value) > LARGEST_BYTES:
        raise EnvelopeError(f"the value is larger than {LARGEST_BYTES} bytes")
    if nesting.is_too_deep(value):
        raise EnvelopeError(f"the value is {_DEEP}")
    try:
        return _bounded(_DECODE(value))
    except msgspec.ValidationError as error:
        return _damaged(value, error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EnvelopeError(f"the value is not JSON: {error}") from error


def _damaged(value: bytes, why: Exception) -> Envelope:
    """An envelope from JSON in which some attribute has a wrong type."""
    try:
        parts = _DECODE_PARTS(value)
    except msgspec.ValidationError as error:
        raise EnvelopeError(f"the value is no JSON object: {why}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EnvelopeError(f"the value is not JSON: {error}") from error
    return _what_can_be_read(parts, _DECODE_TEXT, parts.pop("data", msgspec.Raw()))


def _what_can_be_read(
    parts: Mapping[str, _Part], text_of: Callable[[_Part], str | None], data: msgspec.Raw
) -> Envelope:
    """The envelope without those attributes that are no text; names the first of them."""
    texts: dict[str, str | None] = {}
    wrong = ""
    for name in Envelope.__struct_fields__:
        if name not in parts:
            continue
        try:
            texts[name] = text_of(parts[name])
        except (msgspec.DecodeError, UnicodeDecodeError):
            wrong = wrong or name
    envelope = DamagedEnvelope(data=data, wrong=wrong) if wrong else Envelope(data=data)
    for name, text in texts.items():
        setattr(envelope, name, text)
    return _bounded(envelope)


def _bounded(envelope: Envelope) -> Envelope:
    """The envelope, if its id can serve as a key."""
    if not envelope.id:
        raise EnvelopeError("no id: a CloudEvent has a non-empty text `id`")
    if not fits(envelope.id):
        raise EnvelopeError(f"the id is longer than {MAX_ATTRIBUTE} characters or holds a NUL")
    return envelope


def headers_of(attributes: Iterable[tuple[str, str]]) -> list[tuple[str, bytes]]:
    """Kafka headers of binary mode for these attributes, in the order given."""
    return [(f"ce_{name}", text.encode()) for name, text in attributes]
