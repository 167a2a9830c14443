"""A dead letter: a record of the commands topic in which no command could be read, as it came."""

import base64
from typing import Final

import msgspec


class Letter(msgspec.Struct, frozen=True):
    """A record, every byte of it, and why it is here. `cut` says so where bytes are missing."""

    partition: int
    offset: int
    reason: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    cut: str | None = None

    @property
    def place(self) -> str:
        """Where it stands in the commands topic, as PARTITION:OFFSET: its name."""
        return f"{self.partition}:{self.offset}"


class Decision(msgspec.Struct, frozen=True):
    """What was decided about a letter. One that was sent again names the command it became."""

    decision: str
    by: str
    why: str | None
    decided_at: str
    source: str | None = None
    command_id: str | None = None


class _Stored(msgspec.Struct):
    """How a letter stands in its table: base64 where it is bytes."""

    key: str | None
    value: str | None
    headers: list[tuple[str, str | None]]
    cut: str | None = None


_stored: Final = msgspec.json.Decoder(_Stored)


def letter_of(partition: int, offset: int, reason: str, record: str) -> Letter:
    """A letter from its row; `record` is the JSON text. Raises msgspec.DecodeError."""
    stored = _stored.decode(record)
    headers = [(name, _bytes(value) or b"") for name, value in stored.headers]
    key, value = _bytes(stored.key), _bytes(stored.value)
    return Letter(partition, offset, reason, key, value, headers, stored.cut)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
