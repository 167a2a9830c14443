"""`wallet balances`: the process that keeps the compacted topic, and what can be done about it."""

from typing import Annotated

import psycopg2
import typer

from consumers.failure import RecordsError
from producers.failure import one_line
from wallet.cli.asking import AsJson, refuse_idle
from wallet.cli.connected import load_settings
from wallet.cli.printing import print_json
from wallet.cli.watched import be_watched
from wallet.failure import NoAnswer, UsageFailure


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(balances)


def balances(
    *,
    slot: Annotated[
        str | None,
        typer.Option(
            help="This process's fixed name in its group, else 1: a restart takes it over."
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Have all published again, from the first event, and end."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare the topic with the ledger's table, and end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish the newest balance of each wallet until SIGTERM; exits 70 when Kafka stays away.

    --again is for a topic that was lost or made by a version with a fault: end all these processes
    first, and start them afterwards. --check exits 1 when the topic tells what is not so; what is
    only late is not wrong.
    """
    if again and check:
        raise UsageFailure("either --again or --check")
    if again or check:
        refuse_idle({"--slot": slot}, "with --again" if again else "with --check")
    if not check:
        refuse_idle({"--json": as_json}, "without --check")
    if again:
        _again()
        return
    if check:
        _check(as_json=as_json)
        return
    from consumers.balances.process import main  # noqa: PLC0415 - as the other commands

    raise typer.Exit(main(be_watched(load_settings(reaching=False)), slot or "1"))


def _again() -> None:
    from consumers.balances.again import begin_again  # noqa: PLC0415 - as above

    try:
        begin_again(load_settings())
    except RecordsError as error:
        raise NoAnswer(str(error)) from error
    typer.echo("moved back to the first event; start `wallet balances` now")


def _check(*, as_json: bool) -> None:
    from consumers.balances.comparing import compare  # noqa: PLC0415 - as above

    try:
        found = compare(load_settings())
    except (RecordsError, psycopg2.Error) as error:
        raise NoAnswer(one_line(error)) from error
    if as_json:
        print_json(found)
    else:
        told = f"{found.wallets:,} wallets: {found.equal:,} equal, {found.behind:,} behind"
        typer.echo(f"{told}, {found.wrong:,} wrong, {found.backwards:,} backwards")
        for example in found.examples:
            typer.echo(f"  {example}")
    if not found.is_right:
        raise typer.Exit(1)
