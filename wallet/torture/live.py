"""What a person sees of a run: the seed, a picture that moves on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from wallet.torture.limits import LIMITS
from wallet.torture.run import Run
from wallet.torture.verdict import Verdict

LINES = 12
"""Of the strikes that are over, the last so many."""


@contextmanager
def picture(run: Run, console: Console) -> Iterator[None]:
    """Show the run while it goes on."""
    if not console.is_terminal:
        run.progress.hear = lambda line: console.print(line, markup=False, soft_wrap=True)
        yield
        return
    with Live(get_renderable=lambda: _picture(run), console=console, refresh_per_second=2):
        yield


def _picture(run: Run) -> Group:
    progress = run.progress
    struck = ", ".join(f"{name} {count}" for name, count in sorted(progress.counts.items()))
    head = Text(f"seed {run.wanted.seed}  {progress.phase}  {run.seconds:5.0f} s  {struck}")
    lines = [Text(line) for line in progress.lines[-LINES:]]
    now = Text(f"now: {progress.strike}" if progress.strike else "")
    return Group(head, _moving(run), *lines, now)


def _moving(run: Run) -> Table:
    """Commands, results and each partition's present silence."""
    table = Table(box=None, pad_edge=False)
    for name in ("sent", "results", "unsettled"):
        table.add_column(name, justify="right", min_width=10)
    load, watch = run.load, run.watch
    if load is None or watch is None:
        return table
    silence, now = watch.silence, time.monotonic()
    quiet = [max(0.0, now - silence.last(p)) for p in silence.partitions]
    for partition in silence.partitions:
        table.add_column(f"silence {partition}", justify="right", min_width=10)
    cells = [f"{load.sent:,}", f"{watch.results:,}", f"{load.unsettled:,}"]
    table.add_row(*cells, *(f"{seconds:.1f} s" for seconds in quiet))
    return table


def print_verdict(verdict: Verdict, console: Console) -> None:
    """The whole verdict as text."""
    sent = ", ".join(f"{name} {count:,}" for name, count in verdict.sent.items())
    counts = ", ".join(f"{name} {count:,}" for name, count in verdict.counts.items())
    console.print(f"{verdict.commands:,} records in {verdict.seconds:.0f} s: {sent}")
    console.print(f"{verdict.refused_at_the_edge:,} refused at the edge for their size")
    console.print(f"{verdict.strikes:,} strikes: {counts or 'none'}")
    console.print(_recoveries(verdict))
    drained = "never" if verdict.drained is None else f"{verdict.drained:.1f} s after the last"
    console.print(f"longest silence {verdict.longest_silence:.1f} s; drained {drained}")
    console.print(
        f"the machine was busy to {verdict.busy:.0%}; others had {verdict.others:.0%} of it"
    )
    _print_troubles(verdict, console)
    off = ("missing", "doubled", "out_of_order", "differing")
    told = ", ".join(f"{getattr(verdict, name)} {name.replace('_', ' ')}" for name in off)
    console.print(f"{told}; {verdict.kills} kills")
    console.print("clean" if verdict.clean else f"NOT clean; again with: {verdict.again}")
    if verdict.folder:
        console.print(f"the copy and its logs are in {verdict.folder}")


def _recoveries(verdict: Verdict) -> Table:
    """The longest of each sort, in seconds, with their limits."""
    table = Table(box=None, pad_edge=False)
    table.add_column("fault")
    for name in ("strikes", "silence", "limit", "elsewhere", "limit", "once back", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, sort in sorted(verdict.sorts.items()):
        limit = LIMITS.get(name)
        limits = ("" if each is None else f"{each:g}" for each in limit or (None, None, None))
        figures = (f"{each:.2f}" if each else "" for each in (sort.hit, sort.rest, sort.back))
        pairs = [cell for pair in zip(figures, limits, strict=True) for cell in pair]
        table.add_row(name, str(sort.strikes), *pairs)
    return table


def _print_troubles(verdict: Verdict, console: Console) -> None:
    """All that is off, and what was not judged."""
    for text in verdict.excused:
        console.print(f"not judged: {text}", markup=False)
    for text in (*verdict.over, *verdict.wrong, *verdict.tally.first):
        console.print(text, style="red", markup=False)
    findings = verdict.findings
    for name, invariant in findings.invariants.items() if findings else ():
        for found in invariant.first:
            console.print(f"{name} {found.where}: {found.what}", style="red", markup=False)
            console.print(f"    expected {found.expected}; found {found.found}", markup=False)
