"""`wallet delayed`: the process that fires withdrawals when their time has come."""

from typing import Annotated

import typer

from wallet.cli.connected import load_settings
from wallet.cli.watched import be_watched


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(delayed)


def delayed(
    slot: Annotated[
        str, typer.Option(help="This process's fixed name in its group: a restart takes it over.")
    ] = "1",
) -> None:
    """Fire scheduled withdrawals until SIGTERM; exits 70 when Kafka or PostgreSQL stay away."""
    from consumers.delayed.process import main  # noqa: PLC0415 - as the other commands

    raise typer.Exit(main(be_watched(load_settings(reaching=False)), slot))
