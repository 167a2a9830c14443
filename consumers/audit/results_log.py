"""The results topic, read once: I1 and I3 on the way, the rest kept as columns for later checks."""

import re
from array import array
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

import msgspec

from consumers.audit.columns import MAX_SEQUENCE, OFFSET_BITS, Kept, Names, place, place_text
from consumers.audit.findings import Findings
from consumers.audit.log import Record
from consumers.audit.rest import Rest
from producers.headers import headers_of
from schemas.foreign import decoder
from schemas.refusals import Code

NOWHERE: Final = -1
"""Offset of a result that the log has not."""


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SOURCE: Final = re.compile(rb"([0-9]{1,4}):([0-9]{1,14})")


class Kind(IntEnum):
    """What a result says, as far as the order of commands depends on it."""

    COMPLETED = 0
    REFUSED = 1
    REUSED = 2
    OWN_ONLY = 3
    """Completed, but only the first wallet was changed; the others were looked at."""


class _Ref(msgspec.Struct):
    partition: int
    offset: int


class _Error(msgspec.Struct):
    code: str


class _Withdrawal(msgspec.Struct):
    status: str


class Claim(msgspec.Struct):
    """The parts of a result that place its command in the order of all commands."""

    command: _Ref
    status: str
    sequences: dict[str, int]
    recorded_at: str = ""
    error: _Error | None = None
    withdrawal: _Withdrawal | None = None

    def kind(self) -> Kind:
        """Whether the command changed the wallets in `sequences`, or saw them, or neither.

        Of a withdrawal only the last step, the payment, changes the wallet that is its target.
        """
        if self.status == "completed":
            paid = self.withdrawal is None or self.withdrawal.status == "paid"
            return Kind.COMPLETED if paid else Kind.OWN_ONLY
        reused = self.error is not None and self.error.code == Code.IDEMPOTENCY_KEY_REUSED
        return Kind.REUSED if reused else Kind.REFUSED


read_claim: Final = decoder(Claim)


class ResultsLog(Kept):
    """Columns of the results topic; row by position of the command in `rows`.

    `steps[row]`: the wallets and sequences the result names (columns.Names.step).
    `watchers[step]`: how many commands saw a wallet at a sequence without changing it.
    `advances`: how far the ledger's clock was moved ahead, each time, in milliseconds.
    """

    def __init__(
        self, findings: Findings, names: Names, rest: Rest, advances: frozenset[int]
    ) -> None:
        super().__init__()
        self._rest = rest
        self._due = {p: rest.of(p).next_offset for p in rest.ends}
        self._findings = findings
        self.names: Final = names
        self.kinds: Final = bytearray()
        self.steps: Final[list[tuple[int, ...]]] = []
        self.watchers: Final[dict[int, int]] = {}
        self.advances: Final = advances
        self.moments: Final = array("q")
        """`recorded_at` in milliseconds; empty where the clock was never moved."""
        self.last_withdrawal: Final[dict[int, int]] = {}
        """Partition -> source offset of its newest result in the log that tells a withdrawal."""
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
        if claim.withdrawal is not None:
            self.last_withdrawal[partition] = source[1]
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
        self.keep(packed, *at, value)
        if self.advances:
            self.moments.append(_milliseconds(claim.recorded_at))
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
            for step in steps[1:] if kind is Kind.OWN_ONLY else steps:
                self.watchers[step] = self.watchers.get(step, 0) + 1
        return steps


def source_of(message: Record) -> tuple[int, int] | None:
    """Partition and offset of the command, from a record's `src` header."""
    for name, value in headers_of(message) or ():
        if name == "src":
            return position(value)
    return None


def position(text: object) -> tuple[int, int] | None:
    """Partition and offset from the bytes of a `src` header; None if they say neither."""
    if not isinstance(text, bytes):
        return None
    found = _SOURCE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def _milliseconds(text: str) -> int:
    """The moment of a result since 1970; NOWHERE where the text is none."""
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, TypeError):  # no moment, or one without its zone
        return NOWHERE
