"""`wallet result`, `balance` and `history`: what the database says."""

from datetime import datetime
from typing import Annotated

import typer

from consumers.looking import LIMIT, Looking
from consumers.past import NeverSoError, Offset, Past
from consumers.views import PastBalance, WalletView
from producers.message import SOURCE
from schemas.results import AnyResult
from wallet.cli.asking import AsJson, WalletId
from wallet.cli.connected import load_settings, looking_at
from wallet.cli.moments import moment
from wallet.cli.points import place
from wallet.cli.printing import (
    money,
    print_history,
    print_json,
    print_pairs,
    print_result,
    print_wallet,
)
from wallet.failure import Failure, NoAnswer, UsageFailure


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (result, balance, history):
        app.command()(command)


def result(
    command_id: Annotated[str, typer.Argument(metavar="ID", help="The command's id.")],
    *,
    source: Annotated[
        str | None, typer.Option(help=f"Who asked; by default {SOURCE}, and anybody for a UUID.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of a command; exit 1 when it was refused, 3 when there is no result."""
    with looking_at(load_settings()) as looking:
        found = _found(looking, command_id, source)
    print_json(found) if as_json else print_result(found)
    if found.error is not None:
        raise typer.Exit(1)


def balance(
    wallet_id: WalletId,
    *,
    at: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", parser=moment, help="As it was at a time that has passed."),
    ] = None,
    sequence: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="As it was after its Nth change.")
    ] = None,
    offset: Annotated[
        Offset | None,
        typer.Option(metavar="P:N", parser=place, help="As P's commands up to N left it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a wallet as it is now, or its balance as it was."""
    if sum(each is not None for each in (at, sequence, offset)) > 1:
        raise UsageFailure("give one of --at, --sequence and --offset")
    with looking_at(load_settings()) as looking:
        wallet = looking.wallet(wallet_id)
        if wallet is None:
            raise _no_wallet(wallet_id)
        past = _past(looking, wallet, at, sequence or offset)
    if past is not None:
        print_json(past) if as_json else _print_past(past)
    else:
        print_json(wallet) if as_json else print_wallet(wallet)


def _past(
    looking: Looking, wallet: WalletView, at: datetime | None, where: Offset | int | None
) -> PastBalance | None:
    """The balance that is asked for; None for the present one."""
    past = Past(looking)
    try:
        if at is not None:
            return past.at_time(wallet, at)
        if isinstance(where, Offset):
            return past.at_offset(wallet, where)
        return past.at_sequence(wallet, where) if where is not None else None
    except NeverSoError as error:
        raise Failure(str(error)) from error


def history(
    wallet_id: WalletId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT, help="So many lines.")] = 20,
    before: Annotated[
        int | None, typer.Option(metavar="SEQ", min=1, help="Only what is older than this number.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened to a wallet, newest first."""
    with looking_at(load_settings()) as looking:
        lines = looking.history(wallet_id, limit, before)
        if not lines and looking.wallet(wallet_id) is None:
            raise _no_wallet(wallet_id)
    older = lines[-1].sequence if len(lines) == limit and lines[-1].sequence > 1 else None
    if as_json:
        print_json({"wallet_id": wallet_id, "lines": lines, "older": older})
        return
    print_history(lines)
    if older:
        typer.echo(f"older ones: wallet history {wallet_id} --before {older}", err=True)


def _print_past(past: PastBalance) -> None:
    """A balance as it was, as a small table."""
    print_pairs(
        [
            ("wallet", past.wallet_id),
            ("balance", money(past.balance, past.currency)),
            ("sequence", str(past.sequence)),
            ("recorded", past.recorded_at),
            ("command", past.command),
        ]
    )


def _found(looking: Looking, command_id: str, source: str | None) -> AnyResult:
    named = looking.result(source or SOURCE, command_id)
    found = [named] if named else [] if source else looking.results_of_id(command_id)
    if not found:
        raise NoAnswer(
            f"there is no result for {command_id} of {source or 'any source'}"
            if source
            else f"there is no result for {command_id}; if another source than {SOURCE}"
            " sent it, name it with --source"
        )
    if len(found) > 1:
        sources = ", ".join(sorted(each.command.source or "" for each in found))
        raise Failure(f"{command_id} was used by {sources}; name one with --source")
    return found[0]


def _no_wallet(wallet_id: str) -> Failure:
    return Failure(f"there is no wallet {wallet_id}; make it with `wallet create {wallet_id}`")
