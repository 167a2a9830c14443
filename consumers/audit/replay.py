"""I10, second half: the oracle replays all commands in one order; its words must be the log's."""

from typing import Final

from consumers.audit.clock import Clock
from consumers.audit.columns import Names, hashed, place, place_text
from consumers.audit.events_log import EventsLog
from consumers.audit.findings import Findings
from consumers.audit.oracle import Oracle
from consumers.audit.order import Answered
from consumers.audit.results_log import ResultsLog
from consumers.audit.telling import Teller
from schemas import events, results
from schemas.events import Event


class Replay:
    """Replays the commands of all partitions against the columns of both logs."""

    def __init__(
        self,
        findings: Findings,
        results_log: ResultsLog,
        events_log: EventsLog,
        teller: Teller,
        oracle: Oracle,
    ) -> None:
        self._findings = findings
        self._results = results_log
        self._events = events_log
        self._teller = teller
        self._names: Names = events_log.names
        self._clock = Clock(findings, results_log)
        self.oracle: Final = oracle

    def judge(self, answered: Answered) -> None:
        """Let the oracle answer the next command and compare."""
        where = place_text(place(*answered.place[:2]))
        answer = self.oracle.answer(answered.command, self._clock.told(answered))
        if answer is None:
            what = "a second result for one id and content"
            self._findings.violation("I1", what, where, "no result", "a result")
            return
        body = results.encode(answer.result)
        if self._results.hashes[answered.row] != hashed(body):
            what = "a result is not what the oracle answers"
            self._teller.result("I10", what, answered.row, where, body)
        for event in answer.events:
            self._event(event, events.encode(event))

    def remember(self, answered: Answered) -> None:
        """Know a command as answered without asking the oracle."""
        self.oracle.answers.add(answered.command.key, answered.command.fingerprint)

    def _event(self, event: Event, body: bytes) -> None:
        step = self._names.step(event.wallet_id, event.sequence)
        where = self._names.step_text(step)
        row = self._events.rows.get(step)
        if row is None:
            if self._events.is_due(event.wallet_id, event.sequence):
                what = "an event that the oracle tells is missing"
                self._findings.violation("I10", what, where, "an event")
        elif self._events.hashes[row] != hashed(body):
            what = "an event is not what the oracle tells"
            self._teller.event("I10", what, row, where, body)
