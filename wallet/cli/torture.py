"""`wallet torture`: breaks the ledger on purpose, and has the auditor look at what is left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from wallet.cli.asking import AsJson
from wallet.cli.connected import UsageFailure
from wallet.cli.printing import print_json

if TYPE_CHECKING:
    from wallet.torture.simulation.campaign import Tally
    from wallet.torture.simulation.schedule import Outcome


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(torture)


def torture(
    *,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Real claims and batches on servers in memory.")
    ] = False,
    schedules: Annotated[int, typer.Option(min=1, help="Schedules to play.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the first schedule.")] = 1,
    commands: Annotated[
        int | None, typer.Option(min=1, max=200, help="In each schedule, instead of 4 to 20.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Break the ledger by the seed: kills, freezes, lost answers, at every step of its protocol.

    Each seed is one schedule of steps and faults; the same seed plays it again. It needs no
    servers and touches none. Exit code 1 when an invariant is broken; then the smallest schedule
    that breaks it so is told, step by step.
    """
    if not simulate:
        raise UsageFailure("say --simulate: that is the only way to torture the ledger so far")
    from wallet.torture.simulation import campaign  # noqa: PLC0415 - heavy imports

    with _progress(schedules, hidden=as_json) as progress:
        tally = campaign.run(seed, schedules, commands, progress)
    print_json(tally.as_json()) if as_json else _print(tally)
    if tally.wrong:
        if not as_json:
            _print_smallest(campaign.shrink(tally.failures[0]))
        raise typer.Exit(1)


@contextmanager
def _progress(schedules: int, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("schedules"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=hidden or not console.is_terminal) as progress:
        bar = progress.add_task("schedules", total=schedules)
        yield lambda done: progress.update(bar, completed=done)


def _print(tally: "Tally") -> None:
    struck = ", ".join(f"{name} {count:,}" for name, count in tally.faults.most_common())
    rate = tally.schedules / tally.seconds
    typer.echo(
        f"{tally.schedules:,} schedules, {tally.commands:,} commands, {tally.steps:,} steps"
        f" in {tally.seconds:.0f} s: {rate:,.0f} schedules/s"
    )
    typer.echo(f"faults: {struck or 'none'}; deadlocks: {tally.deadlocks:,}")
    for failure in tally.failures:
        plan = failure.plan
        typer.echo(f"seed {plan.seed} ({plan.commands} commands):")
        for wrong in failure.wrong:
            typer.echo(f"    {wrong}")
    typer.echo(f"{tally.wrong:,} schedules went wrong" if tally.wrong else "clean")


def _print_smallest(outcome: "Outcome") -> None:
    plan = outcome.plan
    typer.echo("\nThe smallest schedule found that goes wrong so:")
    for who, what in outcome.trace:
        typer.echo(f"    {who:16} {what}")
    for wrong in outcome.wrong:
        typer.echo(wrong)
    typer.echo(
        "Again with: wallet torture --simulate --schedules 1"
        f" --seed {plan.seed} --commands {plan.commands}"
    )
