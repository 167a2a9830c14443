"""`wallet bench`: figures, each with a ratio against something in the same run."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from wallet.cli import bench_sizes
from wallet.cli.asking import AsJson
from wallet.cli.bench_options import (
    MIXES,
    ChartFile,
    Runs,
    Seed,
    Shown,
    Workers,
    one_mix,
    print_figures,
)
from wallet.cli.connected import load_settings
from wallet.failure import UsageFailure
from wallet.local.processors import usual_workers

MOST_CONNECTIONS = 2000


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Measure the ledger on the running stack.", no_args_is_help=True)
    group.command("drain")(drain)
    group.command("latency")(latency)
    bench_sizes.register(group)
    group.command("withdrawals")(withdrawals)
    group.command("http")(http)
    group.callback()(_bench)
    app.add_typer(group, name="bench")


def _bench() -> None:
    """Measure on scratch topics and a scratch database beside the real ones."""
    # As Ctrl-C: what was started is ended, and no scratch ledger is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def drain(  # noqa: PLR0913 - its options
    *,
    commands: Annotated[int, typer.Option(min=1000, help="Commands to drain.")] = 200_000,
    wallets: Annotated[int, typer.Option(min=2, help="Wallets they go to.")] = 10_000,
    mix: Annotated[str, typer.Option(help=f"One or some of {','.join(MIXES)}.")] = "sale",
    workers: Workers = None,
    runs: Runs = 1,
    seed: Seed = 1,
    peer: Annotated[
        bool, typer.Option("--peer", help="Measure Kafka Streams too, where it is beside us.")
    ] = False,
    peer_program: Annotated[
        Path | None, typer.Option(help="The peer's drain.py, where it is elsewhere.")
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Audit each run of the ledger, as `wallet verify` does."),
    ] = False,
    chart: ChartFile = None,
    json: AsJson = False,
) -> None:
    """Commands a second from a preloaded topic to committed results, against a bare loop."""
    from wallet.bench import drain as bench  # noqa: PLC0415 - heavy imports
    from wallet.bench import peers  # noqa: PLC0415 - as above

    program = (peer_program or peers.PROGRAM) if peer or peer_program else None
    mixes = tuple(one_mix(each.strip()) for each in mix.split(","))
    shown = Shown(chart, json=json)
    count = workers or usual_workers()
    wanted = bench.Wanted(commands, wallets, mixes, count, runs, seed, program, verify)
    shown.print(bench.measure(load_settings(), wanted, shown.telling()), bench.chart)


def latency(  # noqa: PLR0913 - its options
    *,
    rate: Annotated[int, typer.Option(min=1, help="Commands a second.")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, help="For so long.")] = 20,
    wallets: Annotated[int, typer.Option(min=1, help="Wallets they go to.")] = 1000,
    mix: Annotated[str, typer.Option(help=f"One of {', '.join(MIXES)}.")] = "sale",
    workers: Workers = None,
    seed: Seed = 1,
    json: AsJson = False,
) -> None:
    """Milliseconds from a command to its result at a fixed rate, beside a bare loop."""
    from wallet.bench.latency import Wanted, measure  # noqa: PLC0415 - heavy imports

    wanted = Wanted(rate, seconds, wallets, one_mix(mix), workers or usual_workers(), seed)
    found = measure(load_settings(), wanted, lambda line: typer.echo(line, err=True))
    print_figures(found, json=json)


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
    workers: Workers = None,
    json: AsJson = False,
) -> None:
    """How late withdrawals are executed and paid, among how many, each exactly once."""
    from wallet.bench.withdrawals import Wanted, measure  # noqa: PLC0415 - heavy imports

    wanted = Wanted(scheduled, due, seconds, burst, workers or usual_workers(), bank_ms)
    found = measure(load_settings(), wanted, lambda line: typer.echo(line, err=True))
    print_figures(found, json=json)


def http(
    *,
    connections: Annotated[
        str, typer.Option(help="Connections that are kept open, one round each.")
    ] = "16,64,256",
    seconds: Annotated[float, typer.Option(min=1, help="For so long each.")] = 10,
    workers: Workers = None,
    gateways: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    peer: Annotated[
        bool, typer.Option("--peer", help="Measure a Django service too; it is installed for that.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Charge sales and looks at wallets over HTTP, against a server that only echoes."""
    from wallet.bench.http import Wanted, measure  # noqa: PLC0415 - heavy imports

    counts = [each.strip() for each in connections.split(",")]
    if not all(each.isdigit() and 0 < int(each) <= MOST_CONNECTIONS for each in counts):
        raise UsageFailure(f"--connections {connections}: numbers up to {MOST_CONNECTIONS}")
    numbers = tuple(int(each) for each in counts)
    wanted = Wanted(numbers, seconds, workers or usual_workers(), gateways, peer)
    found = measure(load_settings(), wanted, lambda line: typer.echo(line, err=True))
    print_figures(found, json=json)
