"""`wallet up`, `status`, `down` and `reset`: the local copy in WALLET_DATA."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from wallet.local import running
from wallet.local.folder import DataFolder
from wallet.local.processors import usual_workers

Data = Annotated[
    Path, typer.Option("--data", envvar="WALLET_DATA", help="The folder of the copy that is meant.")
]
HERE = Path(".wallet")


def _port(of: str, usual: int) -> Any:  # noqa: ANN401 - typer's description of an option
    told = f"Of {of}; else {usual}, or a free one where that is taken; 0: any free one."
    return typer.Option(min=0, max=65535, help=told)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, status, down, reset):
        app.command()(command)


def up(  # noqa: PLR0913 - each one is an option
    *,
    data: Data = HERE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw the old data away.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Worker processes; else 2, or 1 on one processor."),
    ] = None,
    http_port: Annotated[int | None, _port("the status page and its /healthz", 8000)] = None,
    kafka_port: Annotated[int | None, _port("Kafka", 9092)] = None,
    postgres_port: Annotated[int | None, _port("PostgreSQL", 5432)] = None,
    bank_port: Annotated[int | None, _port("the pretend bank", 8010)] = None,
    gateway_port: Annotated[int | None, _port("the HTTP API and the console", 8001)] = None,
) -> None:
    """Start Kafka, PostgreSQL, a pretend bank, workers and the HTTP gateway; keep them running.

    A part is not started where WALLET_KAFKA_BOOTSTRAP, WALLET_DATABASE_URL or WALLET_BANK_URL names
    a real one. Without workers only Kafka and PostgreSQL are started. Ctrl-C ends all.
    """
    # Half a second of imports that the other commands need not wait for.
    from wallet.local.telling import Telling  # noqa: PLC0415
    from wallet.local.up import Wanted  # noqa: PLC0415
    from wallet.local.up import up as run_up  # noqa: PLC0415

    wanted = Wanted(
        data=data,
        fresh=fresh,
        worker_count=usual_workers() if workers is None else workers,
        http_port=http_port,
        kafka_port=kafka_port,
        postgres_port=postgres_port,
        bank_port=bank_port,
        gateway_port=gateway_port,
    )
    run_up(wanted, Telling(Console()))


def status(
    *,
    data: Data = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="As /healthz says it.")] = False,
) -> None:
    """Say what runs and how far behind it is; exit 1 when something is wrong."""
    found = running.status(DataFolder.at(data))
    typer.echo(found.as_json() if as_json else found.as_text())
    raise typer.Exit(0 if found.is_well else 1)


def down(*, data: Data = HERE) -> None:
    """Stop the running copy and wait until all its processes have ended."""
    folder = DataFolder.at(data)
    typer.echo(f"stopped {folder.root}" if running.stop(folder) else "nothing is running")


def reset(
    *,
    data: Data = HERE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete all data of a stopped copy.

    Refused where WALLET_KAFKA_BOOTSTRAP or WALLET_DATABASE_URL alone names a real server: the half
    of the ledger that stays there would fit no empty copy.
    """
    # The settings' imports, which the other commands need not wait for.
    from wallet.local.halves import refuse_half  # noqa: PLC0415

    folder = DataFolder.at(data)
    running.refuse_if_held(folder)
    refuse_half("`wallet reset`")
    if not yes:
        typer.confirm(f"Delete all data in {folder.root}?", abort=True)
    folder.remove()
    typer.echo(f"deleted {folder.root}")
