"""The results topic, read once: I1 and I3 on the way, the rest kept as columns for later checks."""

import re
from array import array
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

import msgspec

from consumers.audit.columns import MAX_SEQUENCE, OFFSET_BITS, Names, hashed, place, place_text
from consumers.audit.findings import Findings
from consumers.audit.log import Record, headers_of
from consumers.audit.rest import Rest
from schemas.refusals import Code

NOWHERE: Final = -1
"""Offset of a result that the log has not."""


_SOURCE: Final = re.compile(rb"([0-9]{1,4}):([0-9]{1,14})")


class Kind(IntEnum):
    """What a result says, as far as the order of commands depends on it."""

    COMPLETED = 0
    REFUSED = 1
    REUSED = 2


class _Ref(msgspec.Struct):
    partition: int
    offset: int


class _Error(msgspec.Struct):
    code: str


class Claim(msgspec.Struct):
    """The parts of a result that place its command in the order of all commands."""

    command: _Ref
    status: str
    sequences: dict[str, int]
    error: _Error | None = None

    def kind(self) -> Kind:
        """Whether the command changed the wallets in `sequences`, or saw them, or neither."""
        if self.status == "completed":
            return Kind.COMPLETED
        reused = self.error is not None and self.error.code == Code.IDEMPOTENCY_KEY_REUSED
        return Kind.REUSED if reused else Kind.REFUSED


read_claim: Final = msgspec.json.Decoder(Claim).decode


class ResultsLog:
    """Columns of the results topic; row by position of the command in `rows`.

    `steps[row]`: the wallets and sequences the result names (columns.Names.step).
    `watchers[step]`: how many refused commands saw a wallet at a sequence.
    """

    def __init__(self, findings: Findings, names: Names, rest: Rest) -> None:
        self._rest = rest
        self._due = {p: rest.of(p).next_offset for p in rest.ends}
        self._findings = findings
        self.names: Final = names
        self.rows: Final[dict[int, int]] = {}
        self.hashes: Final = array("q")
        self.partitions: Final = array("H")
        self.offsets: Final = array("q")
        self.kinds: Final = bytearray()
        self.steps: Final[list[tuple[int, ...]]] = []
        self.watchers: Final[dict[int, int]] = {}
        self.stored: Final = bytearray()
        """1 where the database has the row of this result."""
        self.last: Final[dict[int, int]] = {}
        """Partition -> greatest source offset seen."""
        self.first: Final[dict[int, int]] = {}
        """Partition -> source offset of the first record kept."""

    def take(self, messages: Iterable[Record]) -> None:
        """Check and keep a batch of records."""
        count = 0
        for message in messages:
            self._take(message)
            count += 1
        for name in ("I1", "I3"):
            self._findings.checked(name, count)

    def behind(self, partition: int) -> bool:
        """Whether the result of a stored command has not been seen yet."""
        return self.last.get(partition, -1) < self._rest.of(partition).last_result_offset

    def _take(self, message: Record) -> None:
        partition, at, value = message.partition(), message.offset(), message.value() or b""
        where = f"{partition}:{at}"
        source = source_of(message)
        if source is None or source[0] != partition:
            self._findings.violation("I3", "src names no command of the partition", where)
            return
        self._in_order(partition, source[1], where)
        if source[1] >= self._due[partition]:
            return  # came after the snapshot
        try:
            claim = read_claim(value)
        except msgspec.DecodeError as error:
            self._findings.violation("I4", "the value is no result", where, "", error)
            return
        if (claim.command.partition, claim.command.offset) != source:
            told = f"{claim.command.partition}:{claim.command.offset}"
            self._findings.violation("I4", "src differs from the body", where, told, source)
        packed = place(*source)
        if packed in self.rows:
            self._findings.violation("I1", "a second result", where, "one", place_text(packed))
            return
        self._keep(packed, (partition, at), claim, value)

    def _in_order(self, partition: int, source: int, where: str) -> None:
        last = self.last.get(partition, -1)
        self.first.setdefault(partition, source)
        if source <= last:
            self._findings.violation("I3", "src does not rise", where, f"above {last}", source)
        self.last[partition] = max(last, source)

    def add_stored(self, packed: int, value: bytes) -> None:
        """Keep a result that only the database has. Raises msgspec.DecodeError."""
        self._keep(packed, (packed >> OFFSET_BITS, NOWHERE), read_claim(value), value)

    def _keep(self, packed: int, at: tuple[int, int], claim: Claim, value: bytes) -> None:
        self.rows[packed] = len(self.hashes)
        self.hashes.append(hashed(value))
        self.partitions.append(at[0])
        self.offsets.append(at[1])
        self.stored.append(0)
        kind = claim.kind()
        self.kinds.append(kind)
        self.steps.append(self._watch(kind, claim.sequences, place_text(packed)))

    def _watch(self, kind: Kind, sequences: dict[str, int], where: str) -> tuple[int, ...]:
        """The steps of a result, counted among the watchers where it changed nothing."""
        if any(not 0 <= sequence <= MAX_SEQUENCE for sequence in sequences.values()):
            self._findings.violation("I10", "a sequence that cannot be", where, "", sequences)
            return ()
        steps = tuple(self.names.step(name, sequence) for name, sequence in sequences.items())
        if kind is not Kind.COMPLETED:
            for step in steps:
                self.watchers[step] = self.watchers.get(step, 0) + 1
        return steps


def source_of(message: Record) -> tuple[int, int] | None:
    """Partition and offset of the command, from a record's `src` header."""
    for name, value in headers_of(message) or ():
        if name == "src":
            return _position(value)
    return None


def _position(text: bytes | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _SOURCE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None
