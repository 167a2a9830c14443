"""`wallet torture`: breaks the ledger on purpose, and has the auditor look at what is left."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from wallet.cli.asking import AsJson, refuse_idle
from wallet.cli.printing import print_json
from wallet.failure import UsageFailure

if TYPE_CHECKING:
    from wallet.torture.run import Wanted
    from wallet.torture.simulation.campaign import Tally
    from wallet.torture.simulation.schedule import Outcome

COMMANDS_PER_MINUTE: Final = 12_000
"""200 a second: every partition has work all the time, and two cores have some rest."""
MINUTES: Final = 2.0
SCHEDULES: Final = 100_000
SCHEDULE_MAX: Final = 200
"""Commands of one schedule of the simulation."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(torture)


def torture(  # noqa: PLR0913 - each one is an option
    *,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, max=10_000, help="Of load and strikes; else 2."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of load and plan; else a new one.")
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="By commas (docs/RELIABILITY.md); else all possible here."
        ),
    ] = None,
    commands: Annotated[
        int | None,
        typer.Option(min=1, help="To send in all; else 12,000 a minute. In each schedule: 4-20."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the copy's folder.")] = False,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Real claims and batches on servers in memory.")
    ] = False,
    schedules: Annotated[
        int | None,
        typer.Option(min=1, help="With --simulate: schedules to play; else 100,000."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Break the ledger on purpose, by a seed, and have the auditor look at what is left.

    A copy of its own is started, loaded with commands, broken and healed again and again. In the
    end it waits until all is done, and holds everything against what was sent. Exit code 1 when
    something is lost, doubled, out of order or different, or a recovery took too long.
    With --simulate the same protocol is played in memory, each schedule from one seed.
    """
    if simulate:
        refuse_idle({"--minutes": minutes, "--faults": faults, "--keep": keep}, "with --simulate")
        _simulate(1 if seed is None else seed, schedules or SCHEDULES, commands, as_json=as_json)
        return
    refuse_idle({"--schedules": schedules}, "without --simulate")
    from wallet.torture import live  # noqa: PLC0415 - heavy imports
    from wallet.torture.run import Run, stopping_on_signals  # noqa: PLC0415 - as above

    drawn = secrets.randbelow(10**6) if seed is None else seed
    wanted = _wanted(minutes or MINUTES, drawn, faults, commands)
    console = Console(stderr=True, highlight=False)
    console.print(f"seed {wanted.seed}; again with: {wanted.again}", soft_wrap=True)
    run = Run(wanted._replace(keep=keep), console)
    with stopping_on_signals(run.stop), live.picture(run, console):
        verdict = run.play()
    if as_json:
        print_json(verdict.as_json())
    else:
        live.print_verdict(verdict, Console(highlight=False, soft_wrap=True))
    if not verdict.clean:
        raise typer.Exit(1)


def _wanted(minutes: float, seed: int, faults: str | None, commands: int | None) -> "Wanted":
    """What was asked for, with the command that asks for it again."""
    from wallet.torture.run import Wanted, known_faults  # noqa: PLC0415 - heavy imports

    known = known_faults()
    names = _possible(known) if faults is None else tuple(dict.fromkeys(_split(faults)))
    if wrong := [name for name in names if name not in known]:
        raise UsageFailure(f"no fault is called {', '.join(wrong)}; there are {', '.join(known)}")
    count = commands or round(COMMANDS_PER_MINUTE * minutes)
    again = f"--minutes {minutes:g} --seed {seed} --commands {count} --faults {','.join(names)}"
    return Wanted(
        seed=seed,
        minutes=minutes,
        faults=names,
        per_second=count / (minutes * 60),
        again=f"wallet torture {again}",
    )


def _split(names: str) -> list[str]:
    return names.replace(" ", "").split(",")


def _possible(known: tuple[str, ...]) -> tuple[str, ...]:
    """All but those that this machine cannot have, which are told."""
    from wallet.torture.kinds import missing  # noqa: PLC0415 - heavy imports

    absent = missing()
    for name, why in absent.items():
        typer.echo(f"without {name}: {why}", err=True)
    return tuple(name for name in known if name not in absent)


def _simulate(seed: int, schedules: int, commands: int | None, *, as_json: bool) -> None:
    from wallet.torture.simulation import campaign  # noqa: PLC0415 - heavy imports

    if commands is not None and commands > SCHEDULE_MAX:
        raise UsageFailure(f"a schedule has at most {SCHEDULE_MAX} commands")
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
