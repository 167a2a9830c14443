"""`wallet receipts`: the process that makes receipts of transfers."""

from typing import Annotated

import typer

from wallet.cli.connected import load_settings


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(receipts)


def receipts(
    slot: Annotated[
        str, typer.Option(help="This process's fixed name in its group: a restart takes it over.")
    ] = "1",
) -> None:
    """Make PDF receipts of transfers until SIGTERM; exits 70 when Kafka or the disk stay away."""
    from consumers.receipts.process import main  # noqa: PLC0415 - as the other commands

    raise typer.Exit(main(load_settings(), slot))
