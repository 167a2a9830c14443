"""From a Kafka record to a command, or to the precise reason why it is none.

The fast path is one msgspec decode into the type's struct; only what fails there is looked at
again to say which field is wrong and how to mend it. Pure: bytes in, values out.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from schemas import content, identifiers
from schemas.cloudevents import (
    MAX_ATTRIBUTE,
    STRUCTURED,
    DamagedEnvelope,
    Envelope,
    EnvelopeError,
    Headers,
    attributes_of,
    fits,
    read,
)
from schemas.commands import TYPES, Command, CommandData, Moment
from schemas.diagnosis import diagnose, did_you_mean, invalid
from schemas.refusals import Code, Refusal

MAX_VALUE_BYTES: Final = 64 * 1024
"""A command is some 300 bytes; 20 metadata strings of 512 characters still fit."""


class RefusedCommand(msgspec.Struct, frozen=True):
    """A record with a readable id whose content cannot be a command: it gets a rejected result.

    `dead` is set where the record also belongs in the dead letter queue, and says why.
    """

    id: str
    source: str | None
    type: str | None
    wallet_id: str | None
    name: str
    key: str
    fingerprint: str
    refusal: Refusal
    dead: str | None = None
    extras: dict[str, str] | None = None


class Unreadable(msgspec.Struct, frozen=True):
    """A record in which no command id can be read: it goes to the dead letter queue only."""

    reason: str


Decoded = Command | RefusedCommand | Unreadable


class _WalletOnly(msgspec.Struct):
    """The one field looked for in data that may be anything else besides."""

    wallet_id: str | None = None


_DECODERS: Final[dict[str, Callable[[bytes | msgspec.Raw], CommandData]]] = {
    name: msgspec.json.Decoder(struct).decode for name, struct in TYPES.items()
}
# Metadata is a mapping: its order is no content.
_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode
_WALLET: Final = msgspec.json.Decoder(_WalletOnly).decode
# BLAKE2's personalisation (16 bytes) keeps equal data of two types apart.
_PERSONS: Final = {name: blake2b(name.encode(), digest_size=16).digest() for name in TYPES}


def decode(key: bytes | None, value: bytes | None, headers: Headers = ()) -> Decoded:
    """What a record of the commands topic asks for."""
    return _usual_command(key, value, headers) or decode_any(key, value, headers)


class _Usual(NamedTuple):
    """What the attributes that a sender's records share say."""

    source: str
    type: str
    decode: Callable[[bytes | msgspec.Raw], CommandData]


USUAL_BYTES: Final = 8 * MAX_ATTRIBUTE
"""Of the attributes that are kept, of 1,024 senders and types; longer ones would be refused."""


@lru_cache(maxsize=1024)
def _usual(*attributes: bytes | None) -> _Usual | None:
    """Read specversion, source, type and content type, once for each sender and type.

    Raises ValueError when they are long.
    """
    *texts, content_type = attributes
    if sum(len(text or b"") for text in attributes) > USUAL_BYTES:
        raise ValueError("attributes too long to be kept")  # what is raised is not kept
    if None in texts or (content_type or b"").startswith(STRUCTURED):
        return None
    try:
        specversion, source, name = (text.decode() for text in texts if text is not None)
    except UnicodeDecodeError:
        return None
    envelope = Envelope(specversion=specversion, id="any", source=source, type=name)
    return _Usual(source, name, _DECODERS[name]) if _is_plain(envelope) else None


def _usual_command(key: bytes | None, value: bytes | None, headers: Headers) -> Command | None:
    """The command of a record as nearly all are, in half of the time; None where there is a doubt.

    Whatever is unusual about a record is left to decode_any(), which gives the same command.
    """
    attributes = attributes_of(headers)
    get = attributes.get
    try:
        usual = _usual(get("ce_specversion"), get("ce_source"), get("ce_type"), get("content-type"))
    except ValueError:
        return None
    if usual is None or not value or len(value) > MAX_VALUE_BYTES or b"\\u0000" in value:
        return None
    if (
        "ce_subject" in attributes
        or "ce_expirytime" in attributes
        or "ce_traceparent" in attributes
    ):
        return None
    extras = None
    try:
        command_id = attributes["ce_id"].decode()
        get("ce_time", b"").decode()
        if "ce_correlationid" in attributes:
            extras = {"correlationid": attributes["ce_correlationid"].decode()}
        data = usual.decode(value)  # closed types: what fits one is not deep
    except (AttributeError, KeyError, ValueError, msgspec.DecodeError):
        return None
    if not (command_id and fits(command_id)) or (extras and not fits(extras["correlationid"])):
        return None
    if (key is not None and key != data.wallet_id.encode()) or content.wrong(None, value, data):
        return None
    return _command((usual.source, command_id, usual.type), data, None, extras)


def decode_any(key: bytes | None, value: bytes | None, headers: Headers = ()) -> Decoded:
    """As decode(), for records of every kind."""
    try:
        envelope = read(value, headers)
    except EnvelopeError as error:
        return Unreadable(str(error))
    oversize = len(value or b"") > MAX_VALUE_BYTES
    wrong = _wrong_envelope(envelope) or (_oversize() if oversize else None)
    if wrong is not None:
        return _refuse(envelope, wrong, dead="oversize" if oversize else None)
    return _decode_data(key, envelope)


def _decode_data(key: bytes | None, envelope: Envelope) -> Decoded:
    command_type = envelope.type or ""
    if not bytes(envelope.data):
        return _refuse(envelope, Refusal(Code.MISSING_FIELD, "data", {"field": "data"}))
    try:
        data = _DECODERS[command_type](envelope.data)
    except msgspec.ValidationError as error:
        return _refuse(envelope, diagnose(str(error), command_type))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        unreadable = Refusal(Code.INVALID_FIELD, "data", detail=f"The data is not JSON: {error}.")
        return _refuse(envelope, unreadable, dead=f"the data is not JSON: {error}")
    if key is not None and key != data.wallet_id.encode():
        return _refuse(
            envelope, _key_mismatch(key, data.wallet_id), dead="the key is not the wallet id"
        )
    try:
        expires_at = _expiry(envelope)
    except msgspec.ValidationError as error:
        return _refuse(envelope, diagnose(f"{error} - at `$.expirytime`", command_type))
    wrong = content.wrong(envelope.subject, bytes(envelope.data), data)
    if wrong is not None:
        return _refuse(envelope, wrong)
    return _command(
        (envelope.source or "", envelope.id or "", command_type),
        data,
        expires_at,
        envelope.carried(),
    )


def _command(
    called: tuple[str, str, str],
    data: CommandData,
    expires_at: datetime | None,
    extras: dict[str, str] | None,
) -> Command:
    """The command of this source, id and type."""
    source, command_id, command_type = called
    name = identifiers.digest(source, command_id)
    key = identifiers.command_key(source, command_id, name)
    person = _PERSONS[command_type]
    fingerprint = blake2b(_ENCODE(data), digest_size=16, person=person).hexdigest()
    return Command(
        command_id, source, command_type, data, name, key, fingerprint, expires_at, extras
    )


def _expiry(envelope: Envelope) -> datetime | None:
    """When the command stops being worth doing. Raises msgspec.ValidationError."""
    if envelope.expirytime is None:
        return None
    moment: datetime = msgspec.convert(envelope.expirytime, Moment)
    if content.is_beyond(moment):
        raise msgspec.ValidationError(content.BEYOND)
    return moment


def _wrong_envelope(envelope: Envelope) -> Refusal | None:
    """The first attribute of the envelope that cannot stand."""
    if type(envelope) is Envelope and _is_plain(envelope):
        return None
    if isinstance(envelope, DamagedEnvelope):
        return invalid(envelope.wrong, envelope.why)
    for name in ("specversion", "source", "type"):
        if not getattr(envelope, name):
            words = f"The CloudEvents attribute {name} is required, as text."
            return Refusal(Code.MISSING_FIELD, name, {"field": name}, words)
    for name in ("source", "subject", "correlationid", "traceparent", "expirytime"):
        text = getattr(envelope, name)
        if text is not None and not fits(text):
            return invalid(name, f"at most {MAX_ATTRIBUTE} characters, no NUL")
    if envelope.specversion != "1.0":
        return invalid("specversion", 'CloudEvents "1.0" is spoken here')
    return None if envelope.type in TYPES else _unknown_type(envelope.type or "")


def _is_plain(envelope: Envelope) -> bool:
    """Whether all is there and nothing else: so are nearly all, and one look is enough."""
    source = envelope.source
    return (
        envelope.specversion == "1.0"
        and envelope.type in TYPES
        and bool(source and fits(source))
        and envelope.subject is None
        and envelope.expirytime is None
        and envelope.correlationid is None
        and envelope.traceparent is None
    )


def _unknown_type(given: str) -> Refusal:
    given = given[:MAX_ATTRIBUTE]
    return Refusal(
        Code.UNKNOWN_TYPE,
        "type",
        {"type": given},
        f"No command is called {given}.{did_you_mean(given, TYPES)}",
    )


def _oversize() -> Refusal:
    return invalid("data", f"a command has at most {MAX_VALUE_BYTES} bytes")


def _key_mismatch(key: bytes, wallet_id: str) -> Refusal:
    shown = key[:64].decode(errors="replace")
    return Refusal(Code.KEY_MISMATCH, "wallet_id", {"key": shown, "wallet_id": wallet_id})


def told_source(envelope: Envelope) -> str:
    """The source as results and tables have it: one that does not fit is cut, none is empty."""
    return (envelope.source or "")[:MAX_ATTRIBUTE].replace("\0", "")


def _refuse(envelope: Envelope, refusal: Refusal, *, dead: str | None = None) -> RefusedCommand:
    source = told_source(envelope)
    command_id = envelope.id or ""
    name = identifiers.digest(source, command_id)
    content = f"{envelope.type}\n".encode(errors="replace") + bytes(envelope.data)
    return RefusedCommand(
        id=command_id,
        source=source or None,
        type=(envelope.type or "")[:MAX_ATTRIBUTE] or None,
        wallet_id=_wallet_id(envelope),
        name=name,
        key=identifiers.command_key(source, command_id, name),
        fingerprint=blake2b(content, digest_size=16).hexdigest(),
        refusal=refusal,
        dead=dead,
        extras=None if refusal.param in ("correlationid", "traceparent") else envelope.carried(),
    )


def _wallet_id(envelope: Envelope) -> str | None:
    """The wallet a refused command names, if it can be read."""
    try:
        wallet_id = _WALLET(envelope.data).wallet_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return wallet_id if wallet_id is not None and identifiers.is_uuid(wallet_id) else None
