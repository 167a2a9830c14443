"""`wallet replay`: the ledger made again from its commands topic, and held against itself."""

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

import psycopg2
import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from consumers.audit.log import LogError
from consumers.past import Offset
from producers.addresses import why_refused
from producers.answering import LOST
from producers.failure import one_line
from producers.tails import TailTimeoutError
from wallet.cli.asking import AsJson
from wallet.cli.bars import stage_bars
from wallet.cli.connected import load_settings
from wallet.cli.moments import moment
from wallet.cli.points import place
from wallet.cli.printing import print_json
from wallet.failure import NoAnswer, UsageFailure
from wallet.replay.cutting import From
from wallet.replay.failure import DiffersFailure
from wallet.replay.run import Outcome, Tell, Wish, catch_up, into

GARBAGE_EVERY: Final = 100_000
"""New objects between two looks of the garbage collector: nothing of a batch is a cycle."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(replay)


def replay(  # noqa: PLR0913 - the options of the command, by name
    *,
    name: Annotated[
        str | None,
        typer.Option("--into", metavar="NAME", help="Make this database, beside the ledger's."),
    ] = None,
    catching_up: Annotated[
        bool, typer.Option("--catch-up", help="Go on in the ledger's own, restored database.")
    ] = False,
    partitions: Annotated[
        list[int] | None,
        typer.Option("--partition", metavar="P", min=0, help="Only this one; may be repeated."),
    ] = None,
    from_offsets: Annotated[
        list[Offset] | None,
        typer.Option("--from-offset", metavar="P:N", parser=place, help="Begin there; repeatable."),
    ] = None,
    from_time: Annotated[
        datetime | None,
        typer.Option("--from-time", metavar="TIME", parser=moment, help="Begin at this time."),
    ] = None,
    log_only: Annotated[
        bool, typer.Option("--log-only", help="Compare with the logs; there is no first database.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Drop what an earlier replay has made there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be replayed; leave nothing behind.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the ledger again from its commands, by the real rules, and prove it equal.

    Nothing is sent to Kafka and no bank is called. Exit code 1 when something differs.
    """
    settings = load_settings()
    if (name is None) is not catching_up:
        raise UsageFailure("say either --into NAME or --catch-up")
    start = From({each.partition: each.offset for each in from_offsets or ()}, from_time)
    if catching_up and (partitions or log_only or fresh or not start.is_beginning):
        raise UsageFailure("--catch-up goes with --dry-run and --json only")
    chosen = frozenset(partitions or ())
    if any(each >= settings.partitions for each in (*chosen, *start.offsets)):
        raise UsageFailure(f"partitions: there are {settings.partitions}, from 0 on")
    if left_out := start.offsets.keys() - (chosen or start.offsets.keys()):
        raise UsageFailure(f"--from-offset {min(left_out)}:N: --partition leaves that one out")
    if from_time is not None and from_time > datetime.now(UTC):
        raise UsageFailure(
            f"--from-time {from_time.isoformat()} is to come; records have the broker's time, which"
            " `wallet clock advance` does not move"
        )
    gc.set_threshold(GARBAGE_EVERY)
    with _failures(as_json=as_json), _progress(hidden=as_json) as tell:
        if name is None:
            outcome = catch_up(settings, tell, dry_run=dry_run)
        else:
            wish = Wish(name, fresh, log_only, dry_run, chosen, start)
            outcome = into(settings, wish, tell)
    print_json(outcome) if as_json else _print(outcome)
    if outcome.equal is False:
        raise typer.Exit(1)


@contextmanager
def _failures(*, as_json: bool) -> Iterator[None]:
    """A difference is an answer too; servers that refuse, or do not answer, are not."""
    try:
        yield
    except DiffersFailure as error:
        if not as_json:
            raise
        print_json({"equal": False, "differences": [error.difference]})
        raise typer.Exit(1) from error
    except psycopg2.errors.InsufficientPrivilege as error:
        raise UsageFailure(
            f"PostgreSQL refuses: {one_line(error)}; --into makes a database, which needs CREATEDB,"
            " and reads all tables (docs/OPERATING.md, PostgreSQL)"
        ) from error
    except psycopg2.ProgrammingError as error:  # no such address, or no table of a ledger
        raise UsageFailure(
            f"PostgreSQL refuses: {why_refused(error)}; see `wallet doctor`"
        ) from error
    except (LogError, TailTimeoutError, KafkaException, *LOST) as error:
        raise NoAnswer(f"the replay could not go on: {one_line(error)}") from error


class _Speed(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed and (task.total or 0) > 1 else "")


def _progress(*, hidden: bool) -> AbstractContextManager[Tell]:
    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), _Speed())
    return stage_bars(*columns, TimeRemainingColumn(), hidden=hidden)


def _print(outcome: Outcome) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    spans = ", ".join(
        f"{span.partition}: {span.start} to {span.end}" for span in outcome.partitions
    )
    told = "would be replayed into" if outcome.dry_run else "replayed into"
    console.print(f"{outcome.commands:,} commands {told} {outcome.database} ({spans})")
    if outcome.seconds:
        console.print(f"{outcome.seconds:.1f} s, {outcome.commands_per_second:,.0f} commands/s")
    for what, count in outcome.compared.items():
        console.print(f"{count:,} {what} are those of the log, byte by byte")
    if outcome.waiting or outcome.unpublished:
        console.print(
            f"{outcome.waiting:,} events wait for their partition's worker;"
            f" {outcome.unpublished:,} commands were decided of which nothing was published"
        )
    if outcome.tables:
        console.print(_table(outcome))
    for each in outcome.differences:
        console.print(
            f"{each.what}, {each.where}:\n  first:  {each.first}\n  second: {each.second}"
        )
    console.print(_verdict(outcome))


def _verdict(outcome: Outcome) -> str:
    if not outcome.commands:
        return "there was no command to replay: this proves nothing"
    if outcome.dry_run:
        return "nothing was kept"
    return "equal" if outcome.equal else "NOT equal"


def _table(outcome: Outcome) -> Table:
    table = Table("table", box=None, pad_edge=False)
    for name in ("first", "second"):
        table.add_column(name, justify="right")
    table.add_column("")
    for name, found in outcome.tables.items():
        verdict = "equal" if found.equal else "differs"
        table.add_row(name, f"{found.rows:,}", f"{found.second:,}", verdict)
    return table
