"""Waiting until the ledger is at rest: every command done, every event with its writer (I7)."""

import time
from collections.abc import Mapping
from typing import Final

from consumers.audit.findings import Findings
from consumers.audit.log import Log
from consumers.audit.snapshot import Snapshot, Standing, Waiting

ASKED_EVERY: Final = 0.1
"""Seconds between two looks; neither Kafka nor PostgreSQL tells when nothing is left to do."""

Ends = Mapping[int, int]


class Rest:
    """Where everything stands at the moment of the snapshot: progress and the commands' end.

    When the ledger is not at rest, what came after the snapshot is left out of the audit.
    """

    def __init__(self, standing: dict[int, Standing], ends: Ends, waiting: set[Waiting]) -> None:
        self.standing: Final = standing
        self.ends: Final = ends
        self.waiting: Final = waiting

    def of(self, partition: int) -> Standing:
        """Progress of a partition; that of one never claimed is zero."""
        return self.standing.get(partition, Standing())

    @property
    def reached(self) -> bool:
        """Whether nothing is left to do."""
        done = all(self.of(p).next_offset == end for p, end in self.ends.items())
        return done and not self.waiting and set(self.standing) <= set(self.ends)


def await_rest(snapshot: Snapshot, commands: Log, timeout: float) -> Rest:
    """Look until the ledger is at rest or `timeout` seconds are over; the snapshot is the last."""
    deadline = time.monotonic() + timeout
    while True:
        snapshot.renew()
        standing, waiting = snapshot.standing(commands.topic), snapshot.waiting()
        # Asked after the snapshot: an end that equals next_offset proves that nothing came since.
        ends = {p: commands.bounds(p)[1] for p in commands.partitions}
        rest = Rest(standing, ends, waiting)
        if rest.reached or time.monotonic() > deadline:
            return rest
        time.sleep(ASKED_EVERY)  # neither Kafka nor PostgreSQL tells when all is at rest


def judge_progress(
    findings: Findings, rest: Rest, now: Mapping[int, Standing], last_source: Mapping[int, int]
) -> None:
    """I7: next_offset is the log's end and behind no result.

    `now`: progress after the results were read; `last_source`: their newest, by partition.
    """
    findings.checked("I7", len(rest.ends))
    for partition, end in rest.ends.items():
        standing = rest.of(partition)
        if standing.next_offset != end:
            what = "not at rest: next_offset is not the end of the commands"
            findings.violation("I7", what, str(partition), end, standing.next_offset)
        newest = max(last_source.get(partition, -1), standing.last_result_offset)
        progress = now.get(partition, Standing()).next_offset
        if newest >= progress:
            what = "next_offset is behind a result"
            findings.violation("I7", what, str(partition), f"above {newest}", progress)
    for partition in sorted(set(rest.standing) - set(rest.ends)):
        findings.violation("I7", "progress of a partition that is not there", str(partition))
    if rest.waiting:
        what = "not at rest: events wait in arrivals"
        findings.violation("I7", what, "arrivals", 0, len(rest.waiting))
