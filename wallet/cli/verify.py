"""`wallet verify`: the auditor's verdict on the topics and the database (DESIGN.md 4)."""

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import psycopg2
import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from consumers import seals
from consumers.audit.audit import audit
from consumers.audit.findings import Findings, Invariant
from consumers.audit.log import LogError
from consumers.audit.payments import BankLedger, PaymentsError
from consumers.audit.sources import Sources
from consumers.seals import Seal, SealError
from producers import unreached
from producers.failure import one_line
from schemas.settings import Settings
from wallet.cli.asking import AsJson, refuse_idle
from wallet.cli.bars import Tell, stage_bars
from wallet.cli.connected import load_settings
from wallet.cli.files import using_files
from wallet.cli.printing import print_json
from wallet.failure import Failure, NoAnswer
from wallet.local import state
from wallet.local.folder import DataFolder

GARBAGE_EVERY = 200_000
"""New objects between two looks of the garbage collector; some 20 MB if all were garbage."""

PRETEND_BANK = "pretend-bank"
"""Its name among the processes of a running copy."""
NO_LEDGER = "none"
"""Said instead of an address: do not ask the bank."""


def _ledger(text: str) -> str:
    """Read where the bank's ledger is."""
    if text != NO_LEDGER and not (
        text.startswith(("http://", "https://")) and urlsplit(text).netloc
    ):
        raise typer.BadParameter(
            f"{text!r} is neither an address such as https://bank/ledger nor none"
        )
    return text


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(verify)


def verify(  # noqa: PLR0913 - each one is an option
    *,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait until nothing is left to do.")
    ] = 30.0,
    limit: Annotated[int, typer.Option(min=1, help="Violations told of each invariant.")] = 10,
    bank_ledger: Annotated[
        str | None,
        typer.Option(
            metavar="URL|none",
            parser=_ledger,
            help="What the bank says it has paid, or none. Default: the local pretend bank's.",
        ),
    ] = None,
    sealed: Annotated[
        Path | None,
        typer.Option("--seals", metavar="FILE", help="Seals of `wallet seal` to hold it against."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEYFILE", help="The secret that those seals are signed by."),
    ] = None,
    complete: Annotated[
        bool,
        typer.Option("--complete", help="Exit 1 as well when something could not be checked."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Audit the ledger: topics against database against an oracle that replays every command.

    Withdrawals are held against the bank's own ledger, where one is given or runs here.
    It waits until all commands are done and reads everything. Exit code 1 when something is off.
    What cannot be checked is told, and is no violation: of commands that have expired, say, or of
    payments where the bank's ledger is not known.
    """
    if sealed is None:
        refuse_idle({"--key": key}, "without --seals")
    settings = load_settings()
    # Millions of small objects that all stay: looking for cycles among them took a tenth.
    gc.set_threshold(GARBAGE_EVERY)
    with (
        _failures(settings),
        _progress(hidden=as_json) as progress,
        Sources(settings, payments_of(settings, bank_ledger), _seals(sealed, key)) as sources,
    ):
        findings = audit(sources, timeout, limit, progress)
    print_json(findings.as_json()) if as_json else _print(findings)
    if not findings.ok or (complete and findings.unchecked):
        raise typer.Exit(1)


def _seals(sealed: Path | None, key: Path | None) -> list[Seal]:
    """The seals of a file. Raises Failure where it has none, or not of this key; UsageFailure."""
    if sealed is None:
        return []
    try:
        with using_files("read"):
            found = seals.read(sealed, seals.key_of(key) if key else None)
    except SealError as error:
        raise Failure(str(error)) from error
    if not found:
        raise Failure(f"{sealed} has no seal")
    return found


@contextmanager
def _failures(settings: Settings) -> Iterator[None]:
    """Servers that do not answer: nothing was found out, which is not the same as nothing off."""
    try:
        yield
    except KafkaException as error:
        raise NoAnswer(
            f"the audit could not be made: Kafka at {settings.kafka_bootstrap}: {one_line(error)};"
            f" {unreached.why(settings)}"
        ) from error
    except (LogError, PaymentsError, psycopg2.Error) as error:
        raise NoAnswer(f"the audit could not be made: {one_line(error)}") from error


def payments_of(settings: Settings, url: str | None) -> BankLedger | None:
    """Where it stands what the bank has paid; None where nobody knows.

    Unless told, at the pretend bank of the running copy, if this ledger is the one that it pays.
    """
    if url is not None:
        return None if url == NO_LEDGER else BankLedger(url)
    running = state.read(DataFolder.at(settings.data).state_file)
    if running is None or not any(each.name == PRETEND_BANK for each in running.processes):
        return None
    ours = (running.postgres, running.bank) == (settings.database_url, settings.bank_url)
    return BankLedger(f"{settings.bank_url.rstrip('/')}/ledger") if ours else None


def _progress(*, hidden: bool) -> AbstractContextManager[Tell]:
    columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn())
    return stage_bars(*columns, TimeElapsedColumn(), hidden=hidden)


def _print(findings: Findings) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    table = Table("", "invariant", box=None, pad_edge=False)
    for name in ("checked", "violations"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, invariant in findings.invariants.items():
        table.add_row(name, invariant.claim, f"{invariant.checked:,}", f"{invariant.violations:,}")
    console.print(table)
    for name, invariant in findings.invariants.items():
        _print_first(console, name, invariant)
    counts = findings.counts
    console.print(
        f"{counts['commands']:,} commands, {counts['results']:,} results,"
        f" {counts['events']:,} events, {counts['wallets']:,} wallets"
        f" in {counts['seconds']:.1f} s: {counts['commands_per_second']:,} commands/s"
    )
    console.print(_verdict(findings))


def _verdict(findings: Findings) -> str:
    if not findings.ok:
        return "NOT clean"
    unchecked = ", ".join(findings.unchecked)
    return f"clean, but not all could be checked: {unchecked}" if unchecked else "clean"


def _print_first(console: Console, name: str, invariant: Invariant) -> None:
    """The first violations of an invariant, and what could not be checked."""
    if invariant.note:
        console.print(f"{name}: {invariant.note}")
    for finding in invariant.first:
        console.print(f"{name} {finding.where}: {finding.what}", style="red")
        if finding.expected or finding.found:
            console.print(f"    expected {finding.expected or 'nothing'}")
            console.print(f"    found    {finding.found or 'nothing'}")
    left = invariant.violations - len(invariant.first)
    if left:
        console.print(f"{name}: and {left:,} more")
