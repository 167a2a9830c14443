"""What a person sees of a torture: the moving picture, the lines, the verdict."""

from io import StringIO
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from consumers.audit.findings import Findings
from wallet.torture import live
from wallet.torture.account import Tally
from wallet.torture.limits import Sort
from wallet.torture.load import Load
from wallet.torture.run import Run, Wanted
from wallet.torture.silence import Silence
from wallet.torture.verdict import Verdict
from wallet.torture.watch import Watch

AGAIN = "wallet torture --minutes 1 --seed 6"


def console(*, terminal: bool) -> Console:
    """One that keeps what it is told."""
    return Console(file=StringIO(), force_terminal=terminal, width=120, highlight=False)


def said(told: Console) -> str:
    """All that it was told."""
    return cast("StringIO", told.file).getvalue()


@pytest.fixture
def run() -> Run:
    """A run that has sent and heard something, with one strike behind it."""
    wanted = Wanted(seed=6, minutes=1.0, faults=("kill",), per_second=200.0, again=AGAIN)
    made = Run(wanted, console(terminal=False))
    made.load = cast("Load", SimpleNamespace(sent=12_345, unsettled=7))
    silence = Silence(2, 0.0)
    made.watch = cast("Watch", SimpleNamespace(results=12_300, silence=silence))
    made.progress.counts["kills"] += 3
    made.progress.strike = "pause"
    return made


def test_a_terminal_gets_a_picture(run: Run) -> None:
    """Seed, what was sent and heard, each partition's silence, what was struck and is struck."""
    screen = console(terminal=True)
    with live.picture(run, screen):
        run.progress.tell("worker-1 killed: silent 3.2 s")
    shown = said(screen)
    for text in ("seed 6", "kills 3", "12,345", "12,300", "silence 1", "worker-1 killed", "pause"):
        assert text in shown


def test_elsewhere_each_strike_is_a_line(run: Run) -> None:
    """As it comes, for logs; nothing else."""
    paper = console(terminal=False)
    with live.picture(run, paper):
        run.progress.tell("worker-1 killed: [silent] 3.2 s")
        assert said(paper) == "worker-1 killed: [silent] 3.2 s\n"


def verdict() -> Verdict:
    """A verdict with something of everything."""
    return Verdict(
        seed=6, faults=("kill",), again=AGAIN, seconds=61.0, commands=12_345,
        sent={"commands": 12_000, "poison": 345}, counts={"kills": 3}, strikes=2,
        sorts={"kill": Sort(2, 6.5, 0.7, 0.0)}, longest_silence=6.5, drained=0.4,
        findings=Findings(), excused=["kill: 9 s; others had 60% of the machine"],
    )  # fmt: skip


def test_a_clean_verdict() -> None:
    """Figures beside their limits, and no command to play it again."""
    paper = console(terminal=False)
    live.print_verdict(verdict(), paper)
    words = said(paper)
    for text in (
        "12,345 records in 61 s", "poison 345", "2 strikes: kills 3", "longest silence 6.5 s",
        "drained 0.4 s", "not judged: kill: 9 s", "0 missing, 0 doubled, 0 out of order", "3 kills",
    ):  # fmt: skip
        assert text in words
    (line,) = (line for line in words.splitlines() if line.startswith("kill "))
    assert line.split() == ["kill", "2", "6.50", "8", "0.70", "1"]
    assert words.splitlines()[-1] == "clean"


def test_an_unclean_verdict() -> None:
    """What is off, by whoever noticed it, and how to play it again."""
    paper, made = console(terminal=False), verdict()
    made.over.append("kill: silence where it struck 9.0 s, limit 8 s")
    made.wrong.append("not drained within 300 s")
    made.tally = Tally(missing=2, first=["command [a]: 0 results for 1 contents"])
    made.folder = "/tmp/somewhere"  # noqa: S108 - only printed
    assert made.findings is not None
    made.findings.violation("I5", "a sum that is none", "wallet w", "0", "1")
    live.print_verdict(made, paper)
    words = said(paper)
    for text in (
        *made.over, *made.wrong, *made.tally.first, "I5 wallet w: a sum that is none",
        "expected 0; found 1", "2 missing", f"NOT clean; again with: {AGAIN}", made.folder,
    ):  # fmt: skip
        assert text in words
