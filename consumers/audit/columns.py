"""Facts of millions of records, kept as columns of numbers: some 200 bytes a record, not 2,000.

Bodies are kept as Python's hashes of bytes, SipHash with 64 bits and a key of the process: two
different bodies pass for one once in 10^19 pairs.
"""

from array import array
from typing import Final

SEQUENCE_BITS: Final = 44
"""A wallet's sequence and its number in `Names` share one integer; 17 trillion changes fit."""
MAX_SEQUENCE: Final = (1 << SEQUENCE_BITS) - 1
OFFSET_BITS: Final = 48
MAX_OFFSET: Final = (1 << OFFSET_BITS) - 1


def hashed(body: bytes) -> int:
    """64 bits that stand for a body, in this process only."""
    return hash(body)


def place(partition: int, offset: int) -> int:
    """One integer for a position in a topic; no two positions share it."""
    return partition << OFFSET_BITS | offset


def place_text(packed: int) -> str:
    """The position as people read it: "partition:offset"."""
    return f"{packed >> OFFSET_BITS}:{packed & MAX_OFFSET}"


class Kept:
    """The records of a log, by a number that names each: a place in the commands, or a step.

    `rows` says which row of the columns a name has; `stored` is 1 where the database has it too.
    """

    def __init__(self) -> None:
        self.rows: Final[dict[int, int]] = {}
        self.hashes: Final = array("q")
        self.partitions: Final = array("H")
        self.offsets: Final = array("q")
        self.stored: Final = bytearray()

    def keep(self, name: int, partition: int, offset: int, value: bytes) -> None:
        """Keep a record under a name that has none yet."""
        self.rows[name] = len(self.hashes)
        self.hashes.append(hashed(value))
        self.partitions.append(partition)
        self.offsets.append(offset)
        self.stored.append(0)


class Names:
    """Wallet ids by number: each id is kept once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._ids: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    def number(self, wallet_id: str) -> int:
        """The number of a wallet id, a new one if it is new."""
        found = self._numbers.get(wallet_id)
        if found is None:
            found = self._numbers[wallet_id] = len(self._ids)
            self._ids.append(wallet_id)
        return found

    def step(self, wallet_id: str, sequence: int) -> int:
        """One integer for a wallet at a sequence; the next sequence is this plus one."""
        found = self._numbers.get(wallet_id)
        number = self.number(wallet_id) if found is None else found
        return number << SEQUENCE_BITS | sequence

    def wallet_id(self, step: int) -> str:
        """The wallet of a step."""
        return self._ids[step >> SEQUENCE_BITS]

    def step_text(self, step: int) -> str:
        """A step as people read it."""
        return f"{self._ids[step >> SEQUENCE_BITS]} at {step & MAX_SEQUENCE}"
