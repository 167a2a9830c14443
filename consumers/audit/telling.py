"""Telling what differs: the columns hold only hashes, so the record itself is read once more."""

from consumers.audit.columns import Kept
from consumers.audit.delayed_log import DelayedLog
from consumers.audit.events_log import EventsLog
from consumers.audit.findings import Findings, difference
from consumers.audit.log import Log
from consumers.audit.results_log import NOWHERE, ResultsLog


class Teller:
    """Reads records again, but only for the first violations of each invariant."""

    def __init__(
        self,
        findings: Findings,
        results: tuple[ResultsLog, Log],
        events: tuple[EventsLog, Log],
        delayed: tuple[DelayedLog, Log],
    ) -> None:
        self._findings = findings
        self._results = results
        self._events = events
        self._delayed = delayed

    def result(self, invariant: str, what: str, row: int, where: str, expected: bytes) -> None:
        """The result in this row of the columns is not the expected one."""
        self._tell(invariant, what, self._results, row, where, expected)

    def event(self, invariant: str, what: str, row: int, where: str, expected: bytes) -> None:
        """The event in this row of the columns is not the expected one."""
        self._tell(invariant, what, self._events, row, where, expected)

    def step(self, invariant: str, what: str, row: int, where: str, expected: bytes) -> None:
        """The step of a withdrawal in this row of the columns is not the expected one."""
        self._tell(invariant, what, self._delayed, row, where, expected)

    def _tell(
        self,
        invariant: str,
        what: str,
        source: tuple[Kept, Log],
        row: int,
        where: str,
        expected: bytes,
    ) -> None:
        if not self._findings.wants(invariant):
            self._findings.violation(invariant, what, where)
            return
        columns, log = source
        at = columns.offsets[row]
        found = None if at == NOWHERE else log.record(columns.partitions[row], at)
        one, other = difference(expected, found.value() if found is not None else None)
        self._findings.violation(invariant, what, where, one, other)
