"""`wallet clock`: the development clock of a local copy."""

from datetime import timedelta
from typing import Annotated

import typer

from schemas.moments import in_milliseconds
from wallet import clock
from wallet.cli.asking import WithNumber
from wallet.cli.connected import load_settings
from wallet.cli.durations import duration
from wallet.cli.printing import print_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="The clock of a development copy.", no_args_is_help=True)
    group.command("advance", cls=WithNumber)(advance)
    group.command("show")(show)
    group.callback()(_clock)
    app.add_typer(group, name="clock")


def _clock() -> None:
    """Look at the ledger's clock, or move that of a local copy ahead."""


def advance(
    by: Annotated[
        timedelta,
        typer.Argument(parser=duration, metavar="TIME", help="As 3d, 2h30m, 90s or PT2H."),
    ],
    *,
    json: Json = False,
) -> None:
    """Move the clock of the running local copy ahead: what becomes due by that fires at once.

    There is no way back but `wallet up --fresh`. Refused where a database is not a local copy's.
    """
    _tell(clock.advance(load_settings(), by), json=json)


def show(*, json: Json = False) -> None:
    """Say what time it is for the ledger, and how far that is ahead."""
    _tell(clock.show(load_settings()), json=json)


def _tell(found: clock.Clock, *, json: bool) -> None:
    now = in_milliseconds(found.now)
    if json:
        milliseconds = found.ahead // timedelta(milliseconds=1)
        print_json({"now": now, "ahead_ms": milliseconds})
    else:
        typer.echo(f"{now}, {found.ahead} ahead" if found.ahead else f"{now}, not ahead")
