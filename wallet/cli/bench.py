"""`wallet bench`: figures, each with a ratio against something in the same run."""

from typing import Annotated, Any

import typer

from wallet.cli.connected import UsageFailure, load_settings
from wallet.cli.printing import print_json
from wallet.local.processors import usual_workers

MOST_CONNECTIONS = 2000
MIXES = ("sale", "deposit", "transfer", "mixed", "hot")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Measure the ledger on the running stack.", no_args_is_help=True)
    group.command("drain")(drain)
    group.command("latency")(latency)
    group.command("withdrawals")(withdrawals)
    group.command("http")(http)
    group.callback()(_bench)
    app.add_typer(group, name="bench")


def _bench() -> None:
    """Measure on scratch topics and a scratch database beside the real ones."""


def drain(  # noqa: PLR0913 - its options
    *,
    commands: Annotated[int, typer.Option(min=1000, help="Commands to drain.")] = 200_000,
    wallets: Annotated[int, typer.Option(min=1, help="Wallets they go to.")] = 10_000,
    mix: Annotated[str, typer.Option(help=f"One of {', '.join(MIXES)}.")] = "sale",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes.  [default: as `wallet up`]")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each arm; medians are told.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same commands.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Commands a second from a preloaded topic to committed results, against a bare loop."""
    from wallet.bench.drain import drain as measure  # noqa: PLC0415 - heavy imports

    if mix not in MIXES:
        raise UsageFailure(f"--mix {mix}: choose one of {', '.join(MIXES)}")
    figures = measure(
        load_settings(),
        commands=commands,
        wallets=wallets,
        mix=mix,
        workers=workers or usual_workers(),
        runs=runs,
        seed=seed,
        tell=lambda line: typer.echo(line, err=True),
    )._asdict()
    _print(figures, json=json)


def latency(  # noqa: PLR0913 - its options
    *,
    rate: Annotated[int, typer.Option(min=1, help="Commands a second.")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, help="For so long.")] = 20,
    wallets: Annotated[int, typer.Option(min=1, help="Wallets they go to.")] = 1000,
    mix: Annotated[str, typer.Option(help=f"One of {', '.join(MIXES)}.")] = "sale",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes.  [default: as `wallet up`]")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same commands.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Milliseconds from a command to its result at a fixed rate, beside a bare loop."""
    from wallet.bench.latency import Wanted, measure  # noqa: PLC0415 - heavy imports

    if mix not in MIXES:
        raise UsageFailure(f"--mix {mix}: choose one of {', '.join(MIXES)}")
    wanted = Wanted(rate, seconds, wallets, mix, workers or usual_workers(), seed)
    found = measure(load_settings(), wanted, lambda line: typer.echo(line, err=True))
    _print(found, json=json)


def withdrawals(  # noqa: PLR0913 - its options
    *,
    scheduled: Annotated[
        int, typer.Option(min=0, help="Withdrawals in the table that are due some other day.")
    ] = 1_000_000,
    due: Annotated[int, typer.Option(min=1, help="Withdrawals that become due a second.")] = 2000,
    seconds: Annotated[int, typer.Option(min=1, help="For so long.")] = 30,
    burst: Annotated[int, typer.Option(min=0, help="Then so many at one instant.")] = 0,
    bank_ms: Annotated[
        int, typer.Option(min=0, help="What the bank takes for a payment; 0: call no bank.")
    ] = 50,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes.  [default: as `wallet up`]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """How late withdrawals are executed and paid, among how many, each exactly once."""
    from wallet.bench.withdrawals import Wanted, measure  # noqa: PLC0415 - heavy imports

    wanted = Wanted(scheduled, due, seconds, burst, workers or usual_workers(), bank_ms)
    found = measure(load_settings(), wanted, lambda line: typer.echo(line, err=True))
    _print(found, json=json)


def http(
    *,
    connections: Annotated[
        str, typer.Option(help="Connections that are kept open, one round each.")
    ] = "16,64,256",
    seconds: Annotated[float, typer.Option(min=1, help="For so long each.")] = 10,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes.  [default: as `wallet up`]")
    ] = None,
    gateways: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Charge sales and looks at wallets over HTTP, against a server that only echoes."""
    from wallet.bench.http import Wanted, measure  # noqa: PLC0415 - heavy imports

    counts = [each.strip() for each in connections.split(",")]
    if not all(each.isdigit() and 0 < int(each) <= MOST_CONNECTIONS for each in counts):
        raise UsageFailure(f"--connections {connections}: numbers up to {MOST_CONNECTIONS}")
    numbers = tuple(int(each) for each in counts)
    wanted = Wanted(numbers, seconds, workers or usual_workers(), gateways)
    found = measure(load_settings(), wanted, lambda line: typer.echo(line, err=True))
    _print(found, json=json)


def _print(figures: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(figures)
    else:
        for name, value in figures.items():
            typer.echo(f"{name:28} {value}")
