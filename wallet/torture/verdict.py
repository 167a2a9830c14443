"""The verdict of a run: what was sent, what was broken, what is off, how long recovery took."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from consumers.audit.findings import Findings
from wallet.torture.account import Tally
from wallet.torture.limits import LIMITS, OTHERS_MAX, Sort


@dataclass(slots=True, kw_only=True)
class Verdict:
    """Everything that a run tells; times in seconds. `again` is the command that replays it."""

    seed: int
    faults: tuple[str, ...]
    again: str
    seconds: float = 0.0
    commands: int = 0
    sent: Mapping[str, int] = field(default_factory=dict)
    refused_at_the_edge: int = 0
    results: int = 0
    strikes: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    longest_silence: float = 0.0
    drained: float | None = None
    tally: Tally = field(default_factory=Tally)
    findings: Findings | None = None
    over: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What else went wrong: a strike or a drain that did not come to its end."""
    busy: float = 0.0
    others: float = 0.0
    folder: str | None = None
    """Where the copy stands still, where it was kept."""

    @property
    def kills(self) -> int:
        """Processes and sessions that were ended without a word."""
        return sum(self.counts.get(name, 0) for name in KILLS)

    @property
    def differing(self) -> int:
        """Results, events, balances and tables that are not what they should be."""
        return self.tally.differing + self._violations("I4", "I5", "I6", "I8", "I10")

    @property
    def missing(self) -> int:
        """Results that are not there."""
        return self.tally.missing + self._violations("I2", "I7")

    @property
    def doubled(self) -> int:
        """Results that are there twice."""
        return self.tally.doubled + self._violations("I1")

    @property
    def out_of_order(self) -> int:
        """Results that stand before one of an earlier command."""
        return self.tally.out_of_order + self._violations("I3")

    @property
    def clean(self) -> bool:
        """Whether all was as promised."""
        books = self.findings is not None and self.findings.ok and self.tally.clean
        return books and not self.over and not self.wrong

    def _violations(self, *names: str) -> int:
        if self.findings is None:
            return 0
        return sum(self.findings.invariants[name].violations for name in names)

    def as_json(self) -> dict[str, Any]:
        """All of it for a program."""
        audit = None if self.findings is None else self.findings.as_json()
        limits = {name: limit._asdict() for name, limit in LIMITS.items()}
        names = ("commands", "kills", "missing", "doubled", "out_of_order", "differing")
        return {
            "seed": self.seed,
            "clean": self.clean,
            "again": self.again,
            "faults": list(self.faults),
            **{name: getattr(self, name) for name in names},
            "results": self.results,
            "sent": dict(self.sent),
            "refused_at_the_edge": self.refused_at_the_edge,
            "strikes": self.strikes,
            "counts": dict(self.counts),
            "seconds": round(self.seconds, 1),
            "longest_silence": round(self.longest_silence, 3),
            "drained_seconds": self.drained,
            "recovery": {name: _rounded(asdict(sort)) for name, sort in self.sorts.items()},
            "limits": {"seconds": limits, "others_at_most": OTHERS_MAX},
            "over_limit": self.over,
            "not_judged": self.excused,
            "wrong": self.wrong,
            "first": self.tally.first,
            "machine": {"busy": round(self.busy, 2), "others": round(self.others, 2)},
            "audit": audit,
            "folder": self.folder,
        }


KILLS = ("kills", "kills of kafka", "kills of postgres", "kills of the bank", "sessions ended")
"""Counts of what ends a process, or a session, without a word."""


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}
