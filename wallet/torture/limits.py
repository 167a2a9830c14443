"""What recovery may take, and the rule by which a run judges it.

The limits are those of the promise, unchanged on slow machines. They count wherever the machine
was ours. Where others had more than OTHERS_MAX of it during the silence, the figure is told and
counted as "not judged", and fails nothing: it says more about them than about the ledger.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from wallet.torture.silence import Gap, longest

OTHERS_MAX: Final = 0.25
"""Of all processors: on two, half of one."""


class Limit(NamedTuple):
    """Seconds of silence; None: not limited. `back`: until progress, once the server answers."""

    hit: float | None = None
    rest: float | None = None
    back: float | None = None


LIMITS: Final[dict[str, Limit]] = {
    "kill": Limit(hit=8.0, rest=1.0),
    "storm rolling": Limit(hit=1.0, rest=1.0),
    "broker": Limit(back=10.0),
    "postgres": Limit(back=10.0),
}
"""Kind and sort of fault -> what its recovery may take; other sorts are measured only."""


class Recovery(NamedTuple):
    """One strike as the partitions felt it; seconds, monotonic moments.

    `began` to `settled`: from the strike to when everything moved and was held again. `back_at`:
    when a server that was broken answered again; None where none was.
    """

    sort: str
    began: float
    back_at: float | None
    settled: float
    hit: frozenset[int]
    partitions: int


class Judged(NamedTuple):
    """Figures of one recovery: silence on the partitions hit and on the rest, seconds to move."""

    hit: float
    rest: float
    back: float
    over: tuple[str, ...]
    excused: tuple[str, ...]


def judge(recovery: Recovery, gaps: list[Gap], others: Callable[[float, float], float]) -> Judged:
    """Hold a recovery against its limits; `others(since, until)` is the share others had."""
    every = frozenset(range(recovery.partitions))
    limit = LIMITS.get(recovery.sort, Limit())
    hit, rest = longest(gaps, recovery.hit), longest(gaps, every - recovery.hit)
    back = None if recovery.back_at is None else _longest_after(gaps, recovery.back_at)
    found = (
        (limit.hit, hit, "silence where it struck"),
        (limit.rest, rest, "silence elsewhere"),
        (limit.back, back, "silence after the server was back"),
    )
    over, excused = [], []
    for most, gap, what in found:
        if most is None or gap is None or gap.seconds <= most:
            continue
        share = others(gap.start, gap.end)
        text = f"{recovery.sort}: {what} {gap.seconds:.1f} s, limit {most:g} s"
        if share > OTHERS_MAX:
            excused.append(f"{text}; others had {share:.0%} of the machine")
        else:
            over.append(text)
    return Judged(_seconds(hit), _seconds(rest), _seconds(back), tuple(over), tuple(excused))


def _seconds(gap: Gap | None) -> float:
    return 0.0 if gap is None else gap.seconds


def _longest_after(gaps: list[Gap], at: float) -> Gap | None:
    """What was left of the longest gap that went on at a moment."""
    left = [gap._replace(start=at) for gap in gaps if gap.start <= at < gap.end]
    return max(left, key=lambda gap: gap.seconds, default=None)


@dataclass(slots=True)
class Sort:
    """All recoveries of one sort of fault."""

    strikes: int = 0
    hit: float = 0.0
    rest: float = 0.0
    back: float = 0.0
    over: int = 0
    excused: int = 0

    def add(self, judged: Judged) -> None:
        """Count one more; the figures are the longest."""
        self.strikes += 1
        self.hit = max(self.hit, judged.hit)
        self.rest = max(self.rest, judged.rest)
        self.back = max(self.back, judged.back)
        self.over += len(judged.over)
        self.excused += len(judged.excused)
