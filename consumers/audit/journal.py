"""I4: every result and every event in the log is, byte for byte, what the database stores.

Events are rebuilt here from `entries` and `commands` alone, withdrawals' steps from the stored
results. Results that the database has and the log has not are I2.
"""

from typing import Any, Final, NamedTuple

import msgspec

from consumers.audit.books import told_at
from consumers.audit.cases import Cases
from consumers.audit.columns import Kept, Names, hashed, place, place_text
from consumers.audit.delayed_log import DelayedLog
from consumers.audit.events_log import EventsLog
from consumers.audit.findings import Findings
from consumers.audit.results_log import ResultsLog
from consumers.audit.telling import Teller
from schemas import events, results
from schemas.accounts import WORLD_NAMES
from schemas.commands import kind_of
from schemas.events import Balance, EntryBody, Event, TransactionBody, WithdrawalStep
from schemas.foreign import decoder
from schemas.identifiers import command_key
from schemas.money import DECIMALS, show
from schemas.refusals import Code
from schemas.results import AnyResult

SQL: Final = """
SELECT c.partition, c."offset", c.command_key, c.fingerprint, c.transaction_id, c.result,
       c.details, e.lines
FROM commands AS c LEFT JOIN (
    SELECT transaction_id, string_agg(concat_ws(' ', account_id, amount_minor, currency, sequence,
                                                balance_minor), E'\\n') AS lines
    FROM entries GROUP BY transaction_id) AS e USING (transaction_id)
"""


class _Details(msgspec.Struct):
    """What commands.details says of a transaction."""

    effective_at: str | None = None
    reference: str | None = None
    metadata: dict[str, str] = {}
    status: str | None = None
    phone_number: str | None = None


class _Line(NamedTuple):
    """One row of entries; `sequence` and `balance_minor` are None for the world's accounts."""

    account: str
    amount_minor: int
    currency: str
    sequence: int | None
    balance_minor: int | None


_read_details: Final = decoder(_Details)
_NOTHING: Final = _Details()


class Journal:
    """Holds the rows of the database against the columns of the logs, of so many `partitions`."""

    def __init__(
        self,
        findings: Findings,
        results_log: ResultsLog,
        events_log: EventsLog,
        delayed_log: DelayedLog,
        teller: Teller,
        partitions: int,
    ) -> None:
        self._findings = findings
        self._results = results_log
        self._events = events_log
        self._delayed = delayed_log
        self._teller = teller
        self._names: Names = events_log.names
        self.cases: Final = Cases(partitions)

    def take(self, row: tuple[Any, ...]) -> None:
        """Check one command's row with the rows of its entries."""
        partition, offset, key, fingerprint, transaction_id, text, details, lines = row
        packed = place(partition, offset)
        self._same_result(packed, text.encode())
        try:
            result = results.decode(text)
        except msgspec.DecodeError as error:
            self._wrong("a stored result cannot be read", packed, "", error)
            return
        told = (result.command.partition, result.command.offset, result.transaction_id)
        if told != (partition, offset, transaction_id):
            self._wrong("a row and its result differ", packed, row[:5], told)
        if key != _key(result, fingerprint):
            self._wrong("a command's key is not that of its id", packed, "", key)
        if result.status == "completed":
            said = self._said(packed, details)
            self._same_events(packed, result, said, lines)
            self.cases.take(packed, result, said.status)
        if result.withdrawal is not None:
            self._same_step(packed, result)

    def finish(self) -> None:
        """After the last row: what is in the logs and not in the database."""
        logs = (self._results, self._events, self._delayed)
        self._findings.checked("I4", sum(len(log.stored) for log in logs))
        for packed, row in self._unstored(self._results):
            self._wrong("a result that the database has not", packed, "a row", row)
        for step, _ in self._unstored(self._events):
            where = self._names.step_text(step)
            self._findings.violation("I4", "an event that no entry tells of", where)
        for packed, row in self._unstored(self._delayed):
            self._wrong("a withdrawal's step that no command made", packed, "a command", row)

    @staticmethod
    def _unstored(log: Kept) -> list[tuple[int, int]]:
        if log.stored.find(0) < 0:
            return []
        return [(name, row) for name, row in log.rows.items() if not log.stored[row]]

    def _wrong(self, what: str, packed: int, expected: object, found: object) -> None:
        self._findings.violation("I4", what, place_text(packed), expected, found)

    def _same_result(self, packed: int, body: bytes) -> None:
        row = self._results.rows.get(packed)
        if row is None:
            return  # told by `unpublished`
        if self._results.stored[row]:
            self._wrong("two rows for one command", packed, "one", "two")
        self._results.stored[row] = 1
        if self._results.hashes[row] != hashed(body):
            what = "a result differs from the database"
            self._teller.result("I4", what, row, place_text(packed), body)

    def _said(self, packed: int, details: str | None) -> _Details:
        try:
            return _read_details(details) if details else _NOTHING
        except msgspec.DecodeError as error:
            self._wrong("stored details cannot be read", packed, "", error)
            return _NOTHING

    def _same_events(
        self, packed: int, result: AnyResult, said: _Details, lines: str | None
    ) -> None:
        if not lines:
            what = "a completed command without entries"
            self._findings.violation("I5", what, place_text(packed), "entries", "none")
            return
        rows = [_line(line) for line in lines.split("\n")]
        if strange := {line.currency for line in rows} - DECIMALS.keys():
            self._wrong("an entry in a currency that cannot be", packed, "", sorted(strange))
            return
        transaction = TransactionBody(
            result.transaction_id or "",
            kind_of(result.command.type or ""),
            said.effective_at or result.recorded_at,
            result.recorded_at,
            said.reference,
            said.metadata,
            said.status,
            said.phone_number,
        )
        entries = _entries(rows, result.currency)
        for line in rows:
            if line.sequence is not None and line.balance_minor is not None:
                event = _event(line, transaction, entries, result)
                self._same_event(event, events.encode(event))

    def _same_event(self, event: Event, body: bytes) -> None:
        step = self._names.step(event.wallet_id, event.sequence)
        row = self._events.rows.get(step)
        if row is None:
            where = self._names.step_text(step)
            if self._events.is_due(event.wallet_id, event.sequence):
                self._findings.violation("I4", "an entry without its event", where, "an event")
            return
        self._events.stored[row] = 1
        if self._events.hashes[row] != hashed(body):
            what = "an event differs from the database"
            self._teller.event("I4", what, row, self._names.step_text(step), body)

    def _same_step(self, packed: int, result: AnyResult) -> None:
        """Every completed command on a withdrawal has its record on the delayed topic."""
        row, where = self._delayed.rows.get(packed), place_text(packed)
        if row is None:
            self._delayed.missing(packed)
            return
        self._delayed.stored[row] = 1
        assert result.withdrawal is not None
        step = WithdrawalStep(
            result.wallet_id or "", result.withdrawal, result.recorded_at, result.command
        )
        body = events.encode_step(step)
        if self._delayed.hashes[row] != hashed(body):
            what = "a withdrawal's step differs from the database"
            self._teller.step("I4", what, row, where, body)


def _key(result: AnyResult, fingerprint: str) -> str:
    """The key under which a result's command is stored."""
    key = command_key(result.command.source or "", result.command.id)
    if result.error is not None and result.error.code == Code.IDEMPOTENCY_KEY_REUSED:
        return command_key(f"reused:{key}", fingerprint.replace("-", ""))
    return key


def _line(text: str) -> _Line:
    parts = text.split(" ")
    account, amount, currency = WORLD_NAMES.get(parts[0], parts[0]), int(parts[1]), parts[2]
    if len(parts) == 3:  # noqa: PLR2004 - a row of the world: no sequence, no balance
        return _Line(account, amount, currency, None, None)
    return _Line(account, amount, currency, int(parts[3]), int(parts[4]))


def _entries(rows: list[_Line], own: str | None) -> list[EntryBody]:
    moved = [line for line in rows if line.amount_minor]
    moved.sort(key=lambda line: told_at(own, line.currency, line.amount_minor, line.account))
    return [
        EntryBody(line.account, show(line.amount_minor, line.currency), line.currency)
        for line in moved
    ]


def _event(
    line: _Line, transaction: TransactionBody, entries: list[EntryBody], result: AnyResult
) -> Event:
    assert line.sequence is not None
    assert line.balance_minor is not None
    before = show(line.balance_minor - line.amount_minor, line.currency)
    after = show(line.balance_minor, line.currency)
    return Event(
        line.account,
        line.sequence,
        line.currency,
        transaction,
        entries,
        Balance(before, after),
        result.command,
        result.withdrawal,
        result.credit_request,
    )
