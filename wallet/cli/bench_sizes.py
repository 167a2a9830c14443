"""`wallet bench history` and `wallet bench scale`: the drain against what it may depend on."""

import re
from typing import Annotated

import typer

from wallet.cli.asking import AsJson
from wallet.cli.bench_options import MIXES, ChartFile, Runs, Seed, Shown, Workers, one_mix
from wallet.cli.connected import load_settings
from wallet.failure import UsageFailure
from wallet.local.processors import usual_workers

COUNT = re.compile(r"(\d+)([kM]?)")
FACTORS = {"": 1, "k": 1000, "M": 1_000_000}
ENTRIES_EACH = 5
"""Entries of a wallet, where its number is not said: 50M are on 10M wallets."""

LEAST_EACH = 3
"""A wallet is made, and gets its first money from an account of the world."""


def register(group: typer.Typer) -> None:
    """Add them to the benches."""
    group.command("history")(history)
    group.command("scale")(scale)


def history(  # noqa: PLR0913 - its options
    *,
    entries: Annotated[
        str, typer.Option(metavar="N[:WALLETS],...", help="Sizes, such as 1M,10M,50M:10M.")
    ] = "1M,10M",
    active: Annotated[
        str, typer.Option(metavar="N,...", help="Wallets that the commands go to, or `all`.")
    ] = "10k",
    commands: Annotated[int, typer.Option(min=1000, help="Commands to drain, a run.")] = 200_000,
    mix: Annotated[str, typer.Option(help=f"One of {', '.join(MIXES)}.")] = "sale",
    workers: Workers = None,
    runs: Runs = 1,
    seed: Seed = 1,
    check: Annotated[
        bool, typer.Option("--check", help="Audit the database after the runs; takes its time.")
    ] = False,
    chart: ChartFile = None,
    json: AsJson = False,
) -> None:
    """Speed and memory with a database of these sizes, against one that is empty.

    50 million entries take some 30 GB and a quarter of an hour to make.
    """
    from wallet.bench import history as bench  # noqa: PLC0415 - heavy imports

    sizes = tuple(_size(each.strip()) for each in entries.split(","))
    spreads = tuple(_active(each.strip()) for each in active.split(","))
    shown = Shown(chart, json=json)
    wanted = bench.Wanted(
        sizes, spreads, commands, one_mix(mix), workers or usual_workers(), runs, seed, check
    )
    shown.print(bench.measure(load_settings(), wanted, shown.telling()), bench.chart)


def scale(  # noqa: PLR0913 - its options
    *,
    workers: Annotated[str, typer.Option(metavar="N,...", help="Worker processes.")] = "1,2,4",
    commands: Annotated[int, typer.Option(min=1000, help="Commands to drain.")] = 200_000,
    wallets: Annotated[int, typer.Option(min=2, help="Wallets they go to.")] = 10_000,
    mix: Annotated[str, typer.Option(help=f"One of {', '.join(MIXES)}.")] = "sale",
    runs: Runs = 1,
    seed: Seed = 1,
    chart: ChartFile = None,
    json: AsJson = False,
) -> None:
    """The same drain with these numbers of workers, in turn."""
    from wallet.bench import scale as bench  # noqa: PLC0415 - heavy imports

    counts = tuple(_count(each.strip()) for each in workers.split(","))
    shown = Shown(chart, json=json)
    wanted = bench.Wanted(counts, commands, wallets, one_mix(mix), runs, seed)
    shown.print(bench.measure(load_settings(), wanted, shown.telling()), bench.chart)


def _size(text: str) -> tuple[int, int]:
    """Entries and wallets of `50M:10M`."""
    said, colon, wallets = text.partition(":")
    entries = _count(said)
    count = _count(wallets) if colon else max(1, entries // ENTRIES_EACH)
    if entries < LEAST_EACH * count:
        raise UsageFailure(f"--entries {text}: a wallet has at least {LEAST_EACH} entries")
    return entries, count


def _active(text: str) -> int:
    """A number of wallets; 0 is all of them."""
    return 0 if text == "all" else _count(text)


def _count(text: str) -> int:
    found = COUNT.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise UsageFailure(f"{text!r} is no number such as 2, 500k or 50M")
    return int(found[1]) * FACTORS[found[2]]
