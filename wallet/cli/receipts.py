"""`wallet receipts`: the process that makes receipts of transfers, or once more what was lost."""

from typing import Annotated

import psycopg2
import typer

from producers.failure import one_line
from wallet.cli.asking import refuse_idle
from wallet.cli.connected import load_settings, told_as_failures
from wallet.cli.watched import be_watched
from wallet.failure import NoAnswer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(receipts)


def receipts(
    *,
    slot: Annotated[
        str | None,
        typer.Option(
            help="This process's fixed name in its group, else 1: a restart takes it over."
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Make all that are missing, from all events, and end.")
    ] = False,
) -> None:
    """Make PDF receipts of transfers until SIGTERM; exits 70 when Kafka or the disk stay away."""
    if again:
        refuse_idle({"--slot": slot}, "with --again")
        _again()
        return
    from consumers.receipts.process import main  # noqa: PLC0415 - as the other commands

    raise typer.Exit(main(be_watched(load_settings(reaching=False)), slot or "1"))


def _again() -> None:
    from consumers.receipts.again import make_again  # noqa: PLC0415 - as above

    settings = load_settings()
    with told_as_failures():
        try:
            made = make_again(settings)
        except (psycopg2.Error, OSError) as error:
            raise NoAnswer(one_line(error)) from None
    print(f"{made} receipts made in {settings.receipts_folder}")  # noqa: T201 - what was asked
