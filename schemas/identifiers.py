"""Names that are computed, never drawn: the same command always gets the same ids.

Nothing here reads a clock or chance, so that a replay gives the same ids (DESIGN.md 3).
"""

import re
from functools import lru_cache
from hashlib import blake2b, sha1
from typing import Final

END: Final = r"$(?!\n)"
"""The end of a text in a pattern: Python's `$` alone also stands before a last line break."""

UUID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}" + END
_UUID: Final = re.compile(UUID_PATTERN)
_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""A hex digit with its two upper bits as RFC 9562's variant has them."""
MAX_BIGINT: Final = 2**63 - 1
"""The largest number of PostgreSQL's bigint, and of Kafka's offsets."""

_OFFSET_BITS: Final = 0xFFFFFFFF
_EVENT_NAMESPACE: Final = bytes.fromhex("6f1cf2f61b3c5d0c9d7b0a5c2e4f8a11")
# Copied for each id: OpenSSL looks its algorithm up anew for each hash that is made.
_EVENTS: Final = sha1(_EVENT_NAMESPACE, usedforsecurity=False)


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in the one form we accept: lower-case, with hyphens."""
    return _UUID.match(text) is not None


def digest(source: str, command_id: str) -> str:
    """32 hex digits that name (source, id); no two pairs share them in practice (BLAKE2b-128)."""
    # The length in front keeps ("a", "bc") and ("ab", "c") apart.
    return blake2b(f"{len(source)}:{source}{command_id}".encode(), digest_size=16).hexdigest()


def command_key(source: str, command_id: str, named: str | None = None) -> str:
    """The UUID by which a command is deduplicated; `named` is digest(source, id) if known.

    Where the id is a UUID the key keeps its first half, so that the keys of UUIDv7 ids grow at
    one end of the index; the other half is a 64-bit hash of source and id.
    """
    name = named or digest(source, command_id)
    if _UUID.match(command_id):
        return f"{command_id[:18]}-{name[:4]}-{name[4:16]}"
    return f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"


def transaction_id(recorded_at_ms: int, partition: int, offset: int, name: str) -> str:
    """A UUIDv8: 48 bits of the broker's timestamp, 12 of the partition, 32 of the offset, a hash.

    `name` is digest(source, id), of which it holds 28 bits. Time-ordered, so that indexes grow at
    one end; unique by the record's place, which no sender chooses (decision 16).
    """
    place = f"{offset & _OFFSET_BITS:08x}"
    return f"{_stamp(recorded_at_ms, partition)}-8{place[:3]}-{place[3:]}{name[:7]}"


@lru_cache(maxsize=4096)
def _stamp(recorded_at_ms: int, partition: int) -> str:
    """The first half of a transaction id, version and partition with it."""
    stamp = f"{recorded_at_ms:012x}"
    return f"{stamp[:8]}-{stamp[8:12]}-8{partition:03x}"


def event_id(wallet_id: str, sequence: int) -> str:
    """The UUIDv5 of a wallet's event number `sequence`."""
    hashed = _EVENTS.copy()
    hashed.update(f"{wallet_id}/{sequence}".encode())
    name = hashed.hexdigest()
    variant = _VARIANTS[name[16]]
    return f"{name[:8]}-{name[8:12]}-5{name[13:16]}-{variant}{name[17:20]}-{name[20:32]}"


def number(offset: int, partition: int, partitions: int) -> int:
    """The integer, from 1, that names a command by its place, and what it has made.

    Unique without a counter, and the same after a rebuild (DESIGN.md 3).
    """
    return offset * partitions + partition + 1


def place_of(number: int, partitions: int) -> tuple[int, int]:
    """Partition and offset of the command with a number."""
    return (number - 1) % partitions, (number - 1) // partitions


def murmur2(key: bytes) -> int:
    """Kafka's default hash of a key, as in org.apache.kafka.common.utils.Utils, as unsigned."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    length = len(key)
    value = (0x9747B28C ^ length) & mask
    body = length & ~3
    for start in range(0, body, 4):
        word = int.from_bytes(key[start : start + 4], "little") * multiplier & mask
        word = (word ^ (word >> 24)) * multiplier & mask
        value = (value * multiplier & mask) ^ word
    if body != length:
        value = (value ^ int.from_bytes(key[body:], "little")) * multiplier & mask
    value = (value ^ (value >> 13)) * multiplier & mask
    return value ^ (value >> 15)


def partition_of(wallet_id: str, partitions: int) -> int:
    """The partition where a wallet's commands, results and events live (Java's partitioner)."""
    return (murmur2(wallet_id.encode()) & 0x7FFFFFFF) % partitions
