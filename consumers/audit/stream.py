"""The commands of one partition as the replay reads them: decoded, in order, with their results."""

from collections.abc import Generator

from consumers.audit.books import Place
from consumers.audit.columns import place, place_text
from consumers.audit.findings import Findings
from consumers.audit.log import Log, Record
from consumers.audit.order import Answered
from consumers.audit.results_log import ResultsLog
from consumers.audit.silence import Silence
from producers.headers import headers_of
from schemas.decoding import Unreadable, decode


class Stream:
    """One partition; `due` is the offset before which every command must have been answered."""

    def __init__(
        self,
        findings: Findings,
        log: Log,
        results: ResultsLog,
        silence: Silence,
        partition: int,
        due: int,
    ) -> None:
        self._findings = findings
        self._log = log
        self._results = results
        self._silence = silence
        self.partition: int = partition
        self._due = due
        self.count = 0
        self.unreadable: list[int] = []
        """Offsets of records in which no id can be read."""
        self.veiled = 0
        """Records whose headers the client cannot give, and that mean nothing without them."""

    def commands(self, start: int) -> Generator[Answered, None, None]:
        """Those with a result; the others are told to `silence` as they come by."""
        for batch in self._log.read({self.partition: start}):
            self.count += len(batch)
            for message in batch:
                answered = self._answered(message)
                if answered is not None:
                    yield answered

    def _answered(self, message: Record) -> Answered | None:
        at = Place(self.partition, message.offset(), message.timestamp()[1])
        headers = headers_of(message)
        decoded = decode(message.key(), message.value(), headers or ())
        row = self._results.rows.get(place(at.partition, at.offset))
        if isinstance(decoded, Unreadable):
            self._unread(at, row, veiled=headers is None)
            return None
        if row is None:
            if at.offset < self._due:
                self._silence.silent(decoded, at)
            return None
        return Answered(decoded, at, row)

    def _unread(self, at: Place, row: int | None, *, veiled: bool) -> None:
        """Note a record in which no id can be read, or not by this client (`veiled`)."""
        if veiled:
            self.veiled += 1
        elif row is not None:
            where = place_text(place(at.partition, at.offset))
            self._findings.violation("I10", "a result for a record without an id", where)
        elif at.offset < self._due:
            self.unreadable.append(at.offset)
