"""From a record of the events topic to an event, or to why it is none."""

from typing import Final

import msgspec
from confluent_kafka import Message

from producers.headers import headers_of
from schemas import events
from schemas.events import Event
from schemas.identifiers import MAX_BIGINT, event_id, is_uuid

_NO_BYTES: Final = b""


class Told(msgspec.Struct, frozen=True):
    """An event as it stands in the log. `number` counts the events of its partition, from 0.

    `id` is the event's, made of wallet and sequence: the same id is the same event.
    """

    id: str
    type: str
    partition: int
    offset: int
    number: int | None
    event: Event


class UnreadableError(ValueError):
    """A record of the events topic that is no event of the ledger; the text says why."""


def read(record: Message) -> Told:
    """The event of a record that carries no error. Raises UnreadableError."""
    headers = headers_of(record)
    if headers is None:
        raise UnreadableError("a header's name is no UTF-8")
    named = dict(headers)
    try:
        event = events.decode(record.value() or _NO_BYTES)
        own_id, event_type = (_text(named.get(name)) for name in ("ce_id", "ce_type"))
        number = named.get("number")
        counted = int(number) if number else None
    except (msgspec.DecodeError, ValueError) as error:  # a UnicodeDecodeError is one too
        raise UnreadableError(f"no event: {error}") from error
    if not is_uuid(event.wallet_id) or not 0 < event.sequence <= MAX_BIGINT:
        raise UnreadableError(
            f"wallet_id and sequence are {event.wallet_id!r} and {event.sequence}, no UUID and a"
            f" number from 1 to {MAX_BIGINT}"
        )
    expected = event_id(event.wallet_id, event.sequence)
    if own_id != expected:
        raise UnreadableError(f"ce_id is {own_id!r}, of this wallet and sequence it is {expected}")
    offset, partition = record.offset(), record.partition()
    assert offset is not None
    assert partition is not None
    return Told(own_id, event_type, partition, offset, counted, event)


def _text(header: bytes | None) -> str:
    return (header or _NO_BYTES).decode()
