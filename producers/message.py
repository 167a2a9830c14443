"""A command as the record that carries it: key, JSON value, CloudEvents headers (binary mode)."""

import secrets
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypedDict

import msgspec

from schemas import decoding
from schemas.cloudevents import Envelope, headers_of
from schemas.commands import TYPES, CommandData
from schemas.identifiers import is_uuid
from schemas.moments import in_milliseconds

SOURCE: Final = "/wallet"
"""The CloudEvents source of commands sent by our own tools."""


class Attributes(TypedDict, total=False):
    """The optional CloudEvents attributes of a command; times are RFC 3339 texts."""

    time: str
    subject: str
    expirytime: str
    correlationid: str
    causationid: str
    traceparent: str


class Message(msgspec.Struct, frozen=True):
    """A command ready to be sent. `key` is the wallet id, None where the data names none."""

    source: str
    id: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


_TYPE_OF: Final = {struct: name for name, struct in TYPES.items()}
_encode: Final = msgspec.json.Encoder().encode


def uuid7() -> str:
    """A new time-ordered UUID (RFC 9562, 5.7): 48 bits of Unix milliseconds, 74 random bits."""
    drawn = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    version, variant = 7 << 76, 2 << 62
    return str(uuid.UUID(int=drawn & ~(0xF << 76) & ~(3 << 62) | version | variant))


def message_of(
    command: str | CommandData,
    data: Mapping[str, object] | None = None,
    *,
    source: str = SOURCE,
    command_id: str | None = None,
    attributes: Attributes | None = None,
) -> Message:
    """The record of a command; without an id it gets a new UUIDv7.

    A command is its type and its data, or both as a struct of schemas.commands. Nothing is checked
    here, the ledger answers for it. Only to an id that is empty it cannot: ValueError. It is a
    name that somebody forgot to fill in, and with a new id instead what is sent again is done
    again.
    """
    if command_id == "":
        raise ValueError("the command's id is empty: name it, or leave it out for a new one")
    command_type, wallet_id, value = _parts(command, data)
    own_id = uuid7() if command_id is None else command_id
    given: dict[str, str] = {"time": now(), **(attributes or {})}  # type: ignore[dict-item]
    named = {"specversion": "1.0", "id": own_id, "source": source, "type": command_type, **given}
    return Message(source, own_id, _key(wallet_id), value, _headers(named))


def message_from(envelope: Envelope) -> Message:
    """The record of a command that was read as a CloudEvent in either mode."""
    names = (name for name in Envelope.__struct_fields__ if name != "data")
    texts = {name: text for name in names if (text := getattr(envelope, name)) is not None}
    value = bytes(envelope.data)
    try:
        data = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        data = None
    key = _key(data.get("wallet_id")) if isinstance(data, dict) else None
    return Message(envelope.source or "", envelope.id or "", key, value, _headers(texts))


def now() -> str:
    """The present as CloudEvents' `time`, in milliseconds."""
    return in_milliseconds(datetime.now(UTC))


def _headers(named: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [*headers_of(named.items()), ("content-type", b"application/json")]


def _parts(
    command: str | CommandData, data: Mapping[str, object] | None
) -> tuple[str, object, bytes]:
    """Type, wallet id and encoded data of a command."""
    if isinstance(command, CommandData):
        assert data is None, "the struct is the data"
        return _TYPE_OF[type(command)], command.wallet_id, _encode(command)
    assert data is not None, "a type needs its data"
    return command, data.get("wallet_id"), _encode(data)


def _key(wallet_id: object) -> bytes | None:
    return wallet_id.encode() if isinstance(wallet_id, str) and is_uuid(wallet_id) else None


def fingerprint_of(message: Message) -> str | None:
    """What tells the content of a command from other content under its id, if it can be read."""
    decoded = decoding.decode(message.key, message.value, message.headers)
    return None if isinstance(decoded, decoding.Unreadable) else decoded.fingerprint
