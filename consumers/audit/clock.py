"""The ledger's now, as its results tell it: the broker's time, or that and the clock's advance.

Only a development copy can move its clock, and only ahead (table clock).
"""

from typing import Final

from consumers.audit.books import Place
from consumers.audit.columns import place, place_text
from consumers.audit.findings import Findings
from consumers.audit.order import Answered
from consumers.audit.results_log import ResultsLog


class Clock:
    """Holds every result's `recorded_at` against the broker's time of its command (I10)."""

    def __init__(self, findings: Findings, results: ResultsLog) -> None:
        self._findings = findings
        self._results = results
        self._ahead: Final[dict[int, int]] = {}
        """Partition -> the advance of its newest result, in milliseconds."""

    def told(self, answered: Answered) -> Place:
        """The command's place with the time at which the ledger says it was recorded.

        Where that cannot be, the advance is taken to be the partition's last one.
        """
        at, advances = answered.place, self._results.advances
        if not advances:
            return at
        last = self._ahead.get(at.partition, 0)
        ahead = self._results.moments[answered.row] - at.timestamp_ms
        where = place_text(place(*at[:2]))
        if ahead != 0 and ahead not in advances:
            what = "recorded_at is neither the broker's time nor ahead of it by a clock's advance"
            self._findings.violation("I10", what, where, f"{last} ms ahead", f"{ahead} ms")
            ahead = last
        if ahead < last:
            what = "the clock went back"
            self._findings.violation("I10", what, where, f"{last} ms ahead", f"{ahead} ms")
        self._ahead[at.partition] = ahead
        return at._replace(timestamp_ms=at.timestamp_ms + ahead)
