"""`wallet pretend-bank`: the bank of the local copy, which pays nothing to nobody."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(pretend_bank)


def pretend_bank(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8010,
    host: Annotated[str, typer.Option(help="An address of loopback.")] = "127.0.0.1",
    data: Annotated[Path, typer.Option("--data", help="The folder of its ledger.")] = Path(
        ".wallet/bank"
    ),
) -> None:
    """Be the bank that withdrawals are paid by, with faults on demand, until SIGTERM."""
    from wallet.pretend_bank.serving import refuse_open, serve  # noqa: PLC0415 - aiohttp
    from wallet.pretend_bank.settings import PretendBankSettings  # noqa: PLC0415 - pydantic
    from wallet.wrong_settings import told_by_name  # noqa: PLC0415 - as above

    refuse_open(host)
    with told_by_name(PretendBankSettings):
        settings = PretendBankSettings()
    asyncio.run(serve((host, port), data.expanduser().resolve(), settings, _tell))


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the log of the process
