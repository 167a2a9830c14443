"""`wallet explain`: the path of one command through the log and the database, with times."""

from datetime import datetime
from typing import Annotated

import typer

from consumers.explaining.explaining import Explaining
from consumers.explaining.steps import Explanation
from consumers.failure import RecordsError
from consumers.records import Records
from producers.message import SOURCE
from schemas.results import AnyResult
from wallet.cli.asking import AsJson
from wallet.cli.connected import load_settings, looking_at
from wallet.cli.printing import print_json, print_table
from wallet.failure import Failure, NoAnswer

LOOK_SECONDS = 10.0
"""Kafka is waited for no longer than this at a time."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(explain)


def explain(
    command: Annotated[
        str,
        typer.Argument(
            metavar="ID|PARTITION:OFFSET", help="The command's id, or where its record stands."
        ),
    ],
    *,
    source: Annotated[
        str | None, typer.Option(help=f"Who asked; by default {SOURCE}, and anybody for a UUID.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of a command, step by step: its record, decision, result, events, and on.

    Times are those of the records: of the broker for commands, of the ledger's machines for all
    else. Exit code 1 when it was refused or is unreadable, 3 when there is no such command.
    """
    settings = load_settings()
    with looking_at(settings) as looking:
        try:
            with Records(settings, LOOK_SECONDS) as records:
                found = _explained(Explaining(settings, looking, records), command, source)
        except RecordsError as error:
            raise NoAnswer(str(error)) from error
    print_json(found) if as_json else _show(found)
    if found.outcome in ("rejected", "unreadable"):
        raise typer.Exit(1)


def _explained(explaining: Explaining, command: str, source: str | None) -> Explanation:
    partition, colon, offset = command.partition(":")
    if colon and partition.isdecimal() and offset.isdecimal():
        found = explaining.at(int(partition), int(offset))
        if found is None:
            raise NoAnswer(f"there is no record at {command}, or it is not kept any more")
        return found
    answer = _answer(explaining, command, source)
    found = explaining.result(answer) if answer else explaining.waiting(source, command)
    if found is None:
        raise NoAnswer(
            f"nothing is known of {command}: there is no result, and it does not wait in the log;"
            " where its id is no UUID, name its --source; a record in which no id could be read is"
            " in `wallet dlq list`"
        )
    return found


def _answer(explaining: Explaining, command: str, source: str | None) -> AnyResult | None:
    found = explaining.answers(command, source, SOURCE)
    if len(found) > 1:
        sources = ", ".join(sorted(each.command.source or "" for each in found))
        raise Failure(f"{command} was used by {sources}; name one with --source")
    return found[0] if found else None


def _show(found: Explanation) -> None:
    typer.echo(f"{found.type or 'a record'} {found.id or 'without an id'}: {found.outcome}")
    moments = [datetime.fromisoformat(step.at) for step in found.steps if step.at]
    first = min(moments) if moments else None
    rows = []
    for step in found.steps:
        since = ""
        if step.at and first:
            since = f"{(datetime.fromisoformat(step.at) - first).total_seconds():+,.3f} s"
        facts = ", ".join(f"{name}: {text}" for name, text in step.facts)
        rows.append((step.at or "", since, step.what, step.where or "", facts))
    print_table(("time", "", "what", "where", "facts"), rows, fold=("where", "facts"))
