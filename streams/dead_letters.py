"""Records in which no command could be read: kept as they came, and sent to the DLQ."""

import base64
from collections.abc import Sequence
from typing import Final

import msgspec

from streams.rendering import HeaderList, Message
from streams.rows import Place, Record

MOST_VALUE: Final = 2 * 1024 * 1024
MOST_KEY: Final = 64 * 1024
MOST_HEADERS: Final = 512 * 1024
"""What a dead letter carries at most, in bytes. Together they fit the topic's limit, 4 MiB; a
record that was compressed may unpack to far more than the broker took."""

NAME_BYTES: Final = 4
HEADER_BYTES: Final = 16
"""What a header weighs beyond its value: so much for each character of its name, the most that
UTF-8 has, and so much for its marks in JSON."""


class _Letter(msgspec.Struct):
    """A record as it came, in base64 where it is bytes. `cut` tells its true sizes if it is not."""

    key: str | None
    value: str | None
    headers: list[tuple[str, str | None]]
    cut: str | None = None


_letters: Final = msgspec.json.Decoder(_Letter)


def dead_letter_text(record: Record) -> str:
    """A record of the commands topic as JSON text: every byte of it, up to the limits above."""
    key, value = record.key or b"", record.value or b""
    headers = _fitting(record.headers)
    whole = len(headers) == len(record.headers) and len(key) <= MOST_KEY
    cut = None
    if not whole or len(value) > MOST_VALUE:
        sizes = f"key {len(key)}, value {len(value)}"
        cut = f"the record was cut; it had bytes: {sizes}, and headers: {len(record.headers)}"
    letter = _Letter(
        None if record.key is None else _base64(key[:MOST_KEY]),
        None if record.value is None else _base64(value[:MOST_VALUE]),
        headers,
        cut,
    )
    return msgspec.json.encode(letter).decode()


def _fitting(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, str | None]]:
    """The headers, from the first on, that a dead letter can carry."""
    room = MOST_HEADERS
    kept = []
    for name, value in headers:
        room -= len(name) * NAME_BYTES + len(value or b"") + HEADER_BYTES
        if room < 0:
            break
        kept.append((name.replace("\0", ""), _base64(value)))
    return kept


def dead_message(place: Place, offset: int, reason: str, text: str) -> Message:
    """The dead letter to publish: the original's bytes and headers, and why it is here."""
    letter = _letters.decode(text)
    headers: HeaderList = [(name, _bytes(value)) for name, value in letter.headers]
    headers += [
        ("_dlq.errors.reason", reason.encode(errors="replace")),
        ("_dlq.errors.topic", place.topic.encode()),
        ("_dlq.errors.partition", b"%d" % place.partition),
        ("_dlq.errors.offset", b"%d" % offset),
        ("src", b"%d:%d" % (place.partition, offset)),
    ]
    if letter.cut is not None:
        headers.append(("_dlq.errors.cut", letter.cut.encode()))
    return Message(_bytes(letter.key), _bytes(letter.value), headers)


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value)
