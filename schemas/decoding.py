"""From a Kafka record to a command, or to the precise reason why it is none.

The fast path is one msgspec decode into the type's struct; only what fails there is looked at
again to say which field is wrong and how to mend it. Pure: bytes in, values out.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

import msgspec

from schemas import identifiers, money
from schemas.accounts import WORLD_NAMES, is_world
from schemas.cloudevents import (
    MAX_ATTRIBUTE,
    DamagedEnvelope,
    Envelope,
    EnvelopeError,
    Headers,
    fits,
    read,
)
from schemas.commands import TYPES, Command, CommandData, Moment, ScheduleWithdrawal
from schemas.diagnosis import diagnose, did_you_mean, invalid
from schemas.refusals import Code, Refusal

MAX_VALUE_BYTES: Final = 64 * 1024
"""A command is some 300 bytes; 20 metadata strings of 512 characters still fit."""

_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_LONGEST: Final = timedelta(days=365 * 400)
_LIKE_UUID: Final = re.compile("(?:urn:uuid:)?(?:[0-9a-f]-?){31}[0-9a-f]", re.IGNORECASE)
_BEYOND: Final = f"between the years {_FIRST_YEAR} and {_LAST_YEAR}"


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
    wrong = _wrong_content(envelope, data)
    if wrong is not None:
        return _refuse(envelope, wrong)
    source, command_id = envelope.source or "", envelope.id or ""
    name = identifiers.digest(source, command_id)
    return Command(
        command_id,
        source,
        command_type,
        data,
        name,
        identifiers.command_key(source, command_id, name),
        blake2b(_ENCODE(data), digest_size=16, person=_PERSONS[command_type]).hexdigest(),
        expires_at,
        envelope.carried(),
    )


def _expiry(envelope: Envelope) -> datetime | None:
    """When the command stops being worth doing. Raises msgspec.ValidationError."""
    if envelope.expirytime is None:
        return None
    moment: datetime = msgspec.convert(envelope.expirytime, Moment)
    if _beyond(moment):
        raise msgspec.ValidationError(_BEYOND)
    return moment


def _beyond(moment: datetime) -> bool:
    """Whether a moment lies so far out that it may have no text in UTC."""
    return not _FIRST_YEAR <= moment.year <= _LAST_YEAR


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


def _wrong_content(envelope: Envelope, data: CommandData) -> Refusal | None:
    """What the types cannot say: the subject, known currencies, no NUL (PostgreSQL has none)."""
    if envelope.subject is not None and envelope.subject != data.wallet_id:
        return invalid("subject", "the subject, if given, is the wallet id")
    if data.wallet_id in WORLD_NAMES:
        return invalid("wallet_id", "this account is the ledger's own")
    currency = getattr(data, "currency", None)
    if currency is not None and currency not in money.DECIMALS:
        return invalid("currency", f"{currency} is no ISO 4217 currency with a minor unit")
    if data.effective_at is not None and _beyond(data.effective_at):
        return invalid("effective_at", _BEYOND)
    if type(data) is ScheduleWithdrawal:
        wrong = _wrong_schedule(data)
        if wrong is not None:
            return wrong
    if b"\\u0000" in bytes(envelope.data):
        at = _nul_in(msgspec.to_builtins(data), "")
        return invalid(at, "text holds no NUL character") if at else None
    return None


def _wrong_schedule(data: ScheduleWithdrawal) -> Refusal | None:
    """What is wrong with the time or the target of a withdrawal."""
    if data.due_at is None and data.delay is None:
        words = "due_at or delay is required."
        return Refusal(Code.MISSING_FIELD, "due_at", {"field": "due_at"}, words)
    if data.due_at is not None and data.delay is not None:
        words = "delay: due_at is given too, and only one of the two can be."
        return Refusal(Code.INVALID_FIELD, "delay", detail=words)
    if data.due_at is not None and _beyond(data.due_at):
        return invalid("due_at", _BEYOND)
    if isinstance(data.delay, timedelta) and not timedelta() < data.delay < _LONGEST:
        return invalid("delay", "a length of time ahead, shorter than 400 years")
    if data.target is None:
        return None
    if data.target in WORLD_NAMES or is_world(data.target):
        return invalid("target", "this account is the ledger's own")
    # Else it would be taken for the number of an account; none has 32 hex digits.
    if _LIKE_UUID.fullmatch(data.target) and not identifiers.is_uuid(data.target):
        return invalid("target", "a wallet id in another spelling")
    return None


def _nul_in(value: object, path: str) -> str | None:
    """The path of a text within JSON data that holds a NUL, or None."""
    if isinstance(value, dict):
        found = (
            path if "\0" in name else _nul_in(part, f"{path}.{name}".lstrip("."))
            for name, part in value.items()
        )
        return next(filter(None, found), None)
    return path if isinstance(value, str) and "\0" in value else None


def _refuse(envelope: Envelope, refusal: Refusal, *, dead: str | None = None) -> RefusedCommand:
    source = (envelope.source or "")[:MAX_ATTRIBUTE].replace("\0", "")
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
