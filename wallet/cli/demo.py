"""`wallet demo`: the required scenario, with a progress bar and a verdict."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from producers.client import Client
from wallet import demo as scenario
from wallet.cli.asking import AsJson
from wallet.cli.connected import finder, load_settings, looking_at
from wallet.cli.printing import money, print_json

STEPS = {
    "wallets": scenario.SELLERS,
    "credit increases": scenario.INCREASES,
    "charge sales": scenario.SALES,
}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(demo)


def demo(
    *,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait when no result comes.")
    ] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Play 2 sellers, 10 credit increases and 1,000 concurrent charge sales through Kafka.

    Every run makes new wallets. Exit code 1 when the balances do not reconcile.
    """
    settings = load_settings()
    with looking_at(settings) as looking, _progress(hidden=as_json) as progress:
        bars = {name: progress.add_task(name, total=total) for name, total in STEPS.items()}
        report = scenario.play(
            lambda: Client(settings, find_result=finder(lambda: looking)),
            looking,
            lambda name, done: progress.update(bars[name], completed=done),
            timeout,
        )
    print_json(report) if as_json else _print(report)
    if not report.reconciled:
        raise typer.Exit(1)


def _progress(*, hidden: bool) -> Progress:
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    return Progress(*columns, TimeElapsedColumn(), console=console, disable=hidden)


def _print(report: scenario.Report) -> None:
    table = Table("seller", title="2 sellers, 10 credit increases, 1,000 charge sales")
    for name in ("increases", "sales", "balance", "sum of entries", "expected"):
        table.add_column(name, justify="right", no_wrap=True)
    for seller in report.sellers:
        amounts = (seller.balance, seller.entries, seller.expected)
        shown = [money(amount, scenario.CURRENCY) for amount in amounts]
        table.add_row(seller.wallet_id, str(seller.increases), str(seller.sales), *shown)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    typer.echo(
        f"{report.commands:,} commands, {report.completed:,} completed,"
        f" {report.rejected:,} rejected in {report.seconds:.2f} s:"
        f" {report.commands_per_second:,.0f} commands/s,"
        f" latency p50 {report.latency_p50_ms:.0f} ms, p99 {report.latency_p99_ms:.0f} ms"
    )
    for refusal in report.refusals:
        typer.echo(f"refused: {refusal}")
    typer.echo("reconciled" if report.reconciled else "NOT reconciled")
