"""`wallet bench scale`: the same drain with one, two, four workers, in turn."""

from typing import Any, NamedTuple

from schemas.settings import Settings
from wallet.bench.arms import (
    Arm,
    Given,
    begin,
    figures_of,
    ratio,
    scratch_drained,
    speeds_of,
    workers_in_words,
    workers_of,
)
from wallet.bench.charts import Bar, Chart, Group
from wallet.bench.telling import Telling

Figures = dict[str, Any]


class Wanted(NamedTuple):
    """What is to be measured. Each run measures every number of workers, one after the other."""

    workers: tuple[int, ...]
    commands: int
    wallets: int
    mix: str
    runs: int
    seed: int


def measure(settings: Settings, wanted: Wanted, tell: Telling) -> Figures:
    """Figures of every number of workers; speeds are medians over the runs. Raises Failure."""
    index = begin(settings, tell)
    arms: dict[int, list[Arm]] = {count: [] for count in wanted.workers}
    for number in range(wanted.runs):
        given = Given(wanted.seed + number, wanted.wallets, wanted.commands, wanted.mix)
        for count in wanted.workers:
            arms[count].append(scratch_drained(settings, given, workers_of(count), tell))
            tell(f"{workers_in_words(count)}: {arms[count][-1].seen.per_second:,.0f}/s")
    first = speeds_of(arms[wanted.workers[0]])
    found = [
        {
            "workers": count,
            **figures_of(found, wanted.commands),
            "ratio_to_first": ratio(speeds_of(found), first),
        }
        for count, found in arms.items()
    ]
    names = ("commands", "wallets", "mix", "runs")
    shared = {name: getattr(wanted, name) for name in names}
    partitions = {"partitions": settings.partitions}
    return {**shared, **partitions, "scales": found, "machine": index.end()._asdict()}


def chart(figures: Figures) -> Chart:
    """The numbers of workers side by side."""
    groups = [
        Group(
            workers_in_words(each["workers"]),
            [Bar(figures["mix"], each["commands_per_second"], each["slowest"], each["fastest"])],
        )
        for each in figures["scales"]
    ]
    note = (
        f"{figures['commands']:,} commands on {figures['wallets']:,} wallets,"
        f" {figures['partitions']} partitions, {figures['machine']['processors']} processors"
    )
    return Chart("Drain by number of workers", "commands/s", note, groups)
