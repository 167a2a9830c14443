"""`wallet worker`: one worker process of the ledger."""

from typing import Annotated

import typer

from wallet.cli.connected import load_settings
from wallet.cli.watched import be_watched


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(worker)


def worker(
    slot: Annotated[
        str, typer.Option(help="This worker's fixed name in its group: a restart takes it over.")
    ] = "1",
) -> None:
    """Process commands until SIGTERM; exits 70 on what must not be survived."""
    from streams.worker import main  # noqa: PLC0415 - Faust takes half a second to import

    raise typer.Exit(main(be_watched(load_settings(reaching=False)), f"worker-{slot}"))
