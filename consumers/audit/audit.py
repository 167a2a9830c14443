"""The audit from end to end: wait for rest, read both logs, hold them against all else."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from consumers.audit import accounts, bank, journal
from consumers.audit.columns import Names
from consumers.audit.commands_log import CommandsLog
from consumers.audit.delayed_log import DelayedLog
from consumers.audit.events_log import EventsLog
from consumers.audit.findings import Findings
from consumers.audit.log import cut_at
from consumers.audit.oracle import Oracle
from consumers.audit.replay import Replay
from consumers.audit.rest import Rest, await_rest, judge_progress
from consumers.audit.results_log import ResultsLog
from consumers.audit.snapshot import Snapshot
from consumers.audit.sources import Progress, Sources, read_columns
from consumers.audit.telling import Teller
from consumers.audit.unpublished import add_unpublished
from consumers.seals import Chains


def audit(sources: Sources, timeout: float, limit: int, progress: Progress) -> Findings:
    """Everything that is off, telling at most `limit` violations of each invariant.

    Waits up to `timeout` seconds for the ledger to come to rest; one that does not is audited all
    the same, and I7 says so. Raises LogError, PaymentsError, KafkaException, psycopg2.Error.
    """
    started = time.monotonic()
    findings = Findings(limit)
    rest = await_rest(sources.snapshot, sources.commands, timeout)
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(_ask, sources.snapshot.another())
        Audit(sources, findings, rest, progress).run(time.monotonic() + timeout)
        accounts.judge(findings, sources.snapshot, asked.result())
    bank.judge(findings, sources)
    seconds = time.monotonic() - started
    findings.counts["seconds"] = round(seconds, 3)
    findings.counts["commands_per_second"] = round(findings.counts["commands"] / seconds)
    return findings


def _ask(snapshot: Snapshot) -> list[list[tuple[Any, ...]]]:
    with closing(snapshot):
        return accounts.ask(snapshot)


class Audit:
    """What one audit keeps in memory while it goes on."""

    def __init__(
        self, sources: Sources, findings: Findings, rest: Rest, progress: Progress
    ) -> None:
        self._sources = sources
        self._findings = findings
        self._rest = rest
        self._progress = progress
        names, advances = Names(), sources.snapshot.advances()
        self._results = ResultsLog(findings, names, rest, advances)
        chains = Chains(findings, sources.events.topic, sources.seals) if sources.seals else None
        self._events = EventsLog(findings, names, rest, cut=cut_at(sources.events), chains=chains)
        self._delayed = DelayedLog(findings, rest, self._results, cut_at(sources.delayed))
        self._teller = Teller(
            findings,
            (self._results, sources.results),
            (self._events, sources.events),
            (self._delayed, sources.delayed),
        )

    def run(self, deadline: float) -> None:
        """All checks but those that SQL makes alone."""
        self._read_results(deadline)
        self._read_events(deadline)
        self._read_delayed(deadline)
        self._read_database()
        commands = self._sources.commands
        oracle = Oracle(commands.topic, self._sources.horizon_days, len(commands.partitions))
        replay = Replay(self._findings, self._results, self._events, self._teller, oracle)
        log = CommandsLog(self._findings, commands, self._rest, self._results, replay)
        log.run(self._sources.snapshot, self._progress)

    def _read_results(self, deadline: float) -> None:
        columns, log, findings = self._results, self._sources.results, self._findings
        read_columns(log, columns, deadline, self._progress)
        judge_progress(findings, self._rest, self._sources.standing_now(), columns.last)
        findings.counts["results"] = len(columns.rows)
        cut = cut_at(log)
        if cut:
            findings.note("I1", f"retention has cut the beginning of {log.topic}")
        add_unpublished(findings, self._sources.snapshot, columns, cut)

    def _read_events(self, deadline: float) -> None:
        columns, log = self._events, self._sources.events
        read_columns(log, columns, deadline, self._progress)
        columns.judge_end()
        self._findings.counts["events"] = len(columns.rows)

    def _read_delayed(self, deadline: float) -> None:
        columns, log = self._delayed, self._sources.delayed
        read_columns(log, columns, deadline, self._progress)
        self._findings.counts["steps"] = len(columns.rows)

    def _read_database(self) -> None:
        logs = self._results, self._events, self._delayed
        partitions = len(self._sources.commands.partitions)
        rows = journal.Journal(self._findings, *logs, self._teller, partitions)
        done = 0
        for batch in self._sources.snapshot.batches(journal.SQL):
            for row in batch:
                rows.take(row)
            done += len(batch)
            self._progress("database", done, len(self._results.rows))
        rows.finish()
        rows.cases.judge(self._findings, self._sources.snapshot)
