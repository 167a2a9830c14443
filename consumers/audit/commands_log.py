"""The commands topic, read last: nothing is without its result (I2), one order explains all (I10).

Each partition has a reader of its own, so that a partition that must wait for another one is not
read ahead into memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Final

from consumers.audit import end_state
from consumers.audit.findings import Findings
from consumers.audit.log import Log
from consumers.audit.order import Answered, Head, Order
from consumers.audit.replay import Replay
from consumers.audit.rest import Rest
from consumers.audit.results_log import ResultsLog
from consumers.audit.silence import Silence
from consumers.audit.snapshot import Snapshot
from consumers.audit.sources import Progress
from consumers.audit.stream import Stream

REPORT_EVERY: Final = 2000
"""Commands between two reports of progress."""


class CommandsLog:
    """Reads all commands against the results, which must have been read before."""

    def __init__(
        self, findings: Findings, log: Log, rest: Rest, results: ResultsLog, replay: Replay
    ) -> None:
        self._findings = findings
        self._log = log
        self._results = results
        self._replay = replay
        self._silence = Silence(findings, replay.oracle.answers)
        self._streams = [
            Stream(findings, log, results, self._silence, p, rest.of(p).next_offset)
            for p in log.partitions
        ]

    def run(self, snapshot: Snapshot, progress: Progress) -> None:
        """Walk through all commands; with their beginning gone, without the oracle."""
        bounds = [self._log.bounds(p) for p in self._log.partitions]
        cut = any(low > 0 for low, _ in bounds)
        total = sum(high - low for low, high in bounds)
        with ExitStack() as readers:
            sources = [
                readers.enter_context(closing(stream.commands(low)))
                for stream, (low, _) in zip(self._streams, bounds, strict=True)
            ]
            walk = self._unordered(sources) if cut else self._ordered(sources)
            for count, answered in enumerate(walk):
                self._silence.answered(answered.command, answered.place)
                if count % REPORT_EVERY == 0:
                    progress(self._log.topic, self._count(), total)
        progress(self._log.topic, self._count(), total)
        self._finish(snapshot, cut=cut)

    def _ordered(self, sources: Sequence[Iterator[Answered]]) -> Iterator[Answered]:
        """In the one order of I10; the oracle answers each."""
        order = Order(self._findings, self._results, self._replay.oracle.answers)
        for answered in order.run([Head(source) for source in sources]):
            self._replay.judge(answered)
            self._findings.checked("I10")
            yield answered

    def _unordered(self, sources: Sequence[Iterator[Answered]]) -> Iterator[Answered]:
        """Partition by partition: what the wallets were before the first command is not known."""
        for source in sources:
            for answered in source:
                self._replay.remember(answered)
                yield answered

    def _finish(self, snapshot: Snapshot, *, cut: bool) -> None:
        findings = self._findings
        unreadable = {s.partition: s.unreadable for s in self._streams}
        findings.counts["commands"] = self._count()
        findings.counts["repeated"] = self._silence.repeated
        findings.counts["unreadable"] = sum(map(len, unreadable.values()))
        findings.checked("I2", self._silence.repeated)
        self._silence.finish(snapshot, unreadable, cut=cut)
        veiled = sum(stream.veiled for stream in self._streams)
        if veiled:
            why = f"not replayed: {veiled} records with header names that are no text"
            findings.note("I10", why)
        if cut:
            where = f"retention has cut the beginning of {self._log.topic}"
            findings.note("I2", f"{where}; checked from its start")
            findings.note("I10", f"not checkable: {where}")
        else:
            end_state.judge(findings, snapshot, self._replay.oracle.books)

    def _count(self) -> int:
        return sum(stream.count for stream in self._streams)
