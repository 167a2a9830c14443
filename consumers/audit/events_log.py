"""The events topic, read once: numbers without gaps, each wallet's sequence in order (I4)."""

from collections.abc import Container, Iterable, Mapping
from typing import Final

import msgspec

from consumers.audit.columns import MAX_SEQUENCE, Kept, Names
from consumers.audit.findings import Findings
from consumers.audit.log import Record
from consumers.audit.rest import Rest
from consumers.seals import Chains
from producers.headers import headers_of
from schemas.events import EVENT_TYPES, event_type
from schemas.foreign import decoder
from schemas.identifiers import event_id, partition_of
from schemas.results import WithdrawalBody


class _Ref(msgspec.Struct):
    partition: int
    offset: int


class _Transaction(msgspec.Struct):
    kind: str


class _Event(msgspec.Struct):
    wallet_id: str
    sequence: int
    command: _Ref
    transaction: _Transaction
    withdrawal: WithdrawalBody | None = None


MAX_DIGITS: Final = 18
"""Of an event's number: what 64 bits hold."""

_read: Final = decoder(_Event)


class EventsLog(Kept):
    """Columns of the events topic; row by wallet and sequence (columns.Names.step) in `rows`."""

    def __init__(
        self,
        findings: Findings,
        names: Names,
        rest: Rest,
        *,
        cut: Container[int] = (),
        chains: Chains | None = None,
    ) -> None:
        super().__init__()
        self._findings = findings
        self._chains = chains
        self.names: Final = names
        self._rest = rest
        self._due = {p: rest.of(p).next_event for p in rest.ends}
        self._cut = cut
        """Partitions whose log has lost its beginning, which is to be kept for ever."""
        self._late: Final[set[int]] = set()
        """Those of them of which it was told that events are gone: no need to tell each."""
        self._first_step: Final[dict[int, int]] = {}
        """Of wallets on these partitions: where the log of each begins."""
        self.next_number: Final[dict[int, int]] = {}
        self._next_step: dict[int, int] = {}

    def take(self, messages: Iterable[Record]) -> None:
        """Check and keep a batch of records."""
        for message in messages:
            self._take(message)

    def behind(self, partition: int) -> bool:
        """Whether an event that the database has numbered has not been seen yet."""
        return self.next_number.get(partition, 0) < self._rest.of(partition).next_event

    def is_due(self, wallet_id: str, sequence: int) -> bool:
        """Whether the event of an entry must be in the log by now, and is not told to be gone."""
        if (wallet_id, sequence) in self._rest.waiting:
            return False
        if partition_of(wallet_id, len(self._rest.ends)) not in self._late:
            return True
        step = self.names.step(wallet_id, sequence)
        return step >= self._first_step.get(step - sequence, step + 1)

    def judge_end(self) -> None:
        """After the last record: the log has all events that the database has numbered."""
        for partition in self._rest.ends:
            expected = self._rest.of(partition).next_event
            found = self.next_number.get(partition, 0)
            if found < expected:
                what = "the log has fewer events than the database has numbered"
                self._findings.violation("I4", what, str(partition), expected, found)
                if partition in self._cut and partition not in self.next_number:
                    self._late.add(partition)
        if self._chains is not None:
            self._chains.finish()

    def _take(self, message: Record) -> None:
        partition, value = message.partition(), message.value() or b""
        where = f"{partition}:{message.offset()}"
        headers = dict(headers_of(message) or ())
        number = self._numbered(partition, headers.get("number"), where)
        if number is not None and self._chains is not None:
            self._chains.take(partition, number, value)
        if number is not None and number >= self._due[partition]:
            return  # came after the snapshot
        try:
            event = _read(value)
        except msgspec.DecodeError as error:
            self._findings.violation("I4", "the value is no event", where, "", error)
            return
        if not 0 < event.sequence <= MAX_SEQUENCE:
            self._findings.violation("I4", "a sequence that cannot be", where, "", event.sequence)
            return
        self._named(message, headers, event, where)
        step = self.names.step(event.wallet_id, event.sequence)
        self._in_order(step, partition, where)
        if step not in self.rows:
            self.keep(step, message.partition(), message.offset(), value)

    def _numbered(self, partition: int, number: object, where: str) -> int | None:
        """Events of a partition are numbered from 0, and all of them are kept."""
        text = number if isinstance(number, bytes) else b""
        if not text.isdigit() or len(text) > MAX_DIGITS:
            self._findings.violation("I4", "an event without a number", where, "digits", number)
            return None
        found = int(text)
        expected = self.next_number.get(partition, 0)
        if found != expected:
            what = "numbers of events have a gap"
            if partition in self._cut and partition not in self.next_number:
                self._late.add(partition)
                what = "the log begins here, and events are kept for ever"
            self._findings.violation("I4", what, where, expected, found)
        self.next_number[partition] = max(expected, found + 1)
        return found

    def _named(
        self, message: Record, headers: Mapping[str, object], event: _Event, where: str
    ) -> None:
        """Key and headers say what the body says."""
        source = b"%d:%d" % (event.command.partition, event.command.offset)
        name = event_id(event.wallet_id, event.sequence).encode()
        told = (message.key(), headers.get("src"), headers.get("ce_id"), headers.get("ce_type"))
        meant = (event.wallet_id.encode(), source, name, _type_of(event))
        if told != meant:
            self._findings.violation("I4", "key or headers differ from body", where, meant, told)

    def _in_order(self, step: int, partition: int, where: str) -> None:
        number = step - step % (MAX_SEQUENCE + 1)
        expected = self._next_step.get(number)
        if expected is None:
            expected = number + 1
            if partition in self._late:
                expected = self._first_step[number] = step
            home = partition_of(self.names.wallet_id(step), len(self._rest.ends))
            if home != partition:
                self._findings.violation("I4", "an event off its partition", where, home, partition)
        if step != expected:
            told = (self.names.step_text(expected), self.names.step_text(step))
            self._findings.violation("I4", "a wallet's events have a gap", where, *told)
        self._next_step[number] = max(expected, step + 1)


def _type_of(event: _Event) -> bytes:
    """The type that the record of an event must have; empty for a kind that cannot be."""
    kind = event.transaction.kind
    return event_type(kind, event.withdrawal).encode() if kind in EVENT_TYPES else b""
