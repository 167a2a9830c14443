"""`wallet gateway`: the HTTP door of the ledger."""

import asyncio
from typing import Annotated

import typer

from wallet.cli.connected import load_settings
from wallet.cli.watched import be_watched
from wallet.failure import Failure, NoAnswer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(gateway)


def gateway(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8001,
    share_port: Annotated[
        bool,
        typer.Option("--share-port", help="With other gateways, a processor each."),
    ] = False,
) -> None:
    """Answer HTTP on WALLET_HTTP_HOST until SIGTERM: commands into Kafka, reads from PostgreSQL."""
    from producers.failure import ClientError  # noqa: PLC0415 - as above
    from producers.http.serving import ServingError, serve  # noqa: PLC0415 - as above
    from producers.logs import log_to_stderr  # noqa: PLC0415 - the imports of a server
    from streams.rehearsal import Rehearsal  # noqa: PLC0415 - as above

    log_to_stderr()
    settings = be_watched(load_settings(reaching=False))
    try:
        asyncio.run(serve(settings, port, _tell, Rehearsal(settings), share_port=share_port))
    except ServingError as error:
        is_away = isinstance(error.__cause__, ClientError)
        raise (NoAnswer if is_away else Failure)(str(error)) from None


def _tell(address: str) -> None:
    print(f"gateway at {address}", flush=True)  # noqa: T201 - whoever started it waits for this
