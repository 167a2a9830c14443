"""`wallet bench history`: speed and memory against how much is in the database already.

Each size is a scratch ledger with a past made by SQL (wallet/bench/past.py). Each of its runs comes
right after one on a ledger that is empty but for the wallets that the commands go to, 10,000 at
most, so that the ratio is one of neighbours, however long the filling took. One filling serves
several spreads: commands on few of its wallets, and on all of them.
"""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from consumers.audit.accounts import CHECKS
from consumers.audit.snapshot import Snapshot
from producers import load
from schemas.settings import Settings
from wallet.bench.arms import (
    Arm,
    begin,
    drained,
    figures_of,
    ratio,
    speeds_of,
    workers_in_words,
    workers_of,
)
from wallet.bench.charts import Bar, Chart, Group
from wallet.bench.past import Past, Wallets, fill, size_gb
from wallet.bench.scratch import scratch_ledger
from wallet.bench.telling import Telling
from wallet.failure import Failure

Figures = dict[str, Any]

FEW: Final = 10_000
"""Wallets of an empty ledger, at most."""


class Wanted(NamedTuple):
    """What is to be measured. `sizes` are entries and wallets of each past."""

    sizes: tuple[tuple[int, int], ...]
    active: tuple[int, ...]
    """Wallets that the commands go to, spread over the past, in turn; 0: all of them."""
    commands: int
    mix: str
    workers: int
    runs: int
    seed: int
    check: bool
    """Whether the database is audited afterwards."""


def measure(settings: Settings, wanted: Wanted, tell: Telling) -> Figures:
    """Figures of every size, by name; speeds are medians over the runs. Raises Failure."""
    index = begin(settings, tell)
    found = [each for size in wanted.sizes for each in _size(settings, wanted, *size, tell)]
    names = ("commands", "mix", "workers", "runs")
    shared = {name: getattr(wanted, name) for name in names}
    return {**shared, "sizes": found, "machine": index.end()._asdict()}


def chart(figures: Figures) -> Chart:
    """The sizes side by side, each with the empty ledger beside it."""
    groups = [
        Group(
            f"{_short(each['entries'])} entries,\n{_short(each['active'])} of"
            f" {_short(each['wallets'])}",
            [
                Bar(
                    "with this past", each["commands_per_second"], each["slowest"], each["fastest"]
                ),
                Bar("empty, in the same run", each["empty_per_second"]),
            ],
        )
        for each in figures["sizes"]
    ]
    note = (
        f"{figures['mix']}, {figures['commands']:,} commands a run to so many of the wallets,"
        f" {workers_in_words(figures['workers'])}, {figures['machine']['processors']} processors"
    )
    return Chart("Drain against the size of the database", "commands/s", note, groups)


def _size(
    settings: Settings, wanted: Wanted, entries: int, wallets: int, tell: Telling
) -> Iterator[Figures]:
    """Figures of one past, for each number of wallets that commands go to."""
    past = Past.of_entries(entries, wallets)
    with scratch_ledger(settings, "bench") as ledger:
        tell(f"{past.entries:,} entries, {past.wallets:,} wallets: filling")
        seconds, gigabytes = fill(ledger, past, tell), size_gb(ledger)
        tell(f"  {seconds:.0f} s, {gigabytes} GB")
        made = {"entries": past.entries, "wallets": past.wallets, "database_gb": gigabytes}
        made["fill_seconds"] = round(seconds)
        for active in wanted.active:
            yield made | _spread(ledger, wanted, min(active or wallets, wallets), wallets, tell)
        if wanted.check:
            tell("  auditing the database")
            _check(ledger)


def _spread(ledger: Settings, wanted: Wanted, active: int, wallets: int, tell: Telling) -> Figures:
    """Runs on so many wallets of the past, each beside one on an empty ledger."""
    full: list[Arm] = []
    empty: list[Arm] = []
    few = min(active, FEW)
    tell(f"  {active:,} of them")
    for number in range(wanted.runs):
        seed = wanted.seed + number
        with scratch_ledger(ledger, "bench") as other:
            fill(other, Past.of_entries(0, few), tell)
            empty.append(_arm(other, Wallets(few, few), seed, wanted, tell))
        full.append(_arm(ledger, Wallets(active, wallets), seed, wanted, tell))
        tell(f"  {full[-1].seen.per_second:,.0f}/s, empty {empty[-1].seen.per_second:,.0f}/s")
    return {
        "active": active,
        **figures_of(full, wanted.commands),
        "empty_per_second": round(statistics.median(speeds_of(empty))),
        "ratio_to_empty": ratio(speeds_of(full), speeds_of(empty)),
        "empty_worker_memory_mb": round(max(arm.memory_mb for arm in empty), 1),
    }


def _arm(ledger: Settings, ids: Sequence[str], seed: int, wanted: Wanted, tell: Telling) -> Arm:
    messages = load.Load(seed, ids).commands(wanted.commands, wanted.mix)
    return drained(ledger, messages, wanted.commands, workers_of(wanted.workers), tell)


def _check(ledger: Settings) -> None:
    """Judge sums, running balances and sequences of all there is, as `wallet verify` does."""
    snapshot = Snapshot(ledger.database_url)
    try:
        for check in CHECKS:
            wrong = snapshot.all(f"{check.sql} LIMIT 1")
            if wrong:
                raise Failure(f"{check.invariant}: {check.what}: {wrong[0]}")
    finally:
        snapshot.close()


def _short(count: int) -> str:
    """A count with a letter: 50M, 200k."""
    for size, letter in ((10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)
