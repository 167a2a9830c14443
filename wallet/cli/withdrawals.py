"""`wallet withdraw` and `wallet withdrawals`: money out at a time to come."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from consumers.views import WithdrawalView
from producers import resolving
from producers import withdrawals as steps
from producers.client import TIMEOUT
from producers.message import Message
from schemas.statuses import WITHDRAWAL_STATUSES
from wallet.cli import listing
from wallet.cli.asking import (
    Amount,
    AsJson,
    Asking,
    Currency,
    WalletId,
    WithNumber,
    asked,
    uuid_text,
)
from wallet.cli.commands import ask, show_answer
from wallet.cli.connected import load_settings, looking_at
from wallet.cli.durations import duration
from wallet.cli.printing import print_json, print_withdrawal, print_withdrawals
from wallet.failure import Failure, UsageFailure

# As in wallet.cli.connected: SQLAlchemy takes its time, and `withdraw` does not need it.
if TYPE_CHECKING:
    from consumers.looking_withdrawals import Withdrawals

WithdrawalId = Annotated[
    str, typer.Argument(metavar="ID", help="The withdrawal's id.", parser=uuid_text)
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(cls=WithNumber)(withdraw)
    group = typer.Typer(help="See, cancel and resolve withdrawals.", no_args_is_help=True)
    group.command("list")(list_them)
    for command in (show, cancel, resolve):
        group.command()(command)
    app.add_typer(group, name="withdrawals")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(f"{text!r} is no time with its zone, such as 2026-11-20T10:00:00Z")


@asked
def withdraw(  # noqa: PLR0913 - its options
    asking: Asking,
    wallet_id: WalletId,
    amount: Amount,
    *,
    at: Annotated[
        datetime | None,
        typer.Option(metavar="MOMENT", help="When: 2026-11-20T10:00:00Z.", parser=_moment),
    ] = None,
    delay: Annotated[
        timedelta | None,
        typer.Option("--in", metavar="TIME", help="Or so long from now: 3d.", parser=duration),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--to", metavar="TARGET", help="Who gets it: a bank account, or a wallet id."),
    ] = None,
    currency: Currency = None,
) -> None:
    """Schedule money to leave a wallet by way of the bank, at a time to come.

    The balance is looked at then, not now. Times: 3d, 2h30m, 90s, or ISO 8601 as PT2H.
    """
    if (at is None) == (delay is None):
        raise UsageFailure("say when: either --at 2026-11-20T10:00:00Z or --in 3d")
    data = {"wallet_id": wallet_id, "amount": amount, "currency": currency, "target": target}
    ask("withdrawal.schedule.v1", {**data, "due_at": at, "delay": delay}, asking)


def list_them(
    *,
    wallet_id: listing.Wallet = None,
    status: Annotated[list[str] | None, listing.statuses(WITHDRAWAL_STATUSES)] = None,
    limit: listing.Limit = 20,
    before: listing.Before = None,
    as_json: AsJson = False,
) -> None:
    """Show withdrawals, those scheduled last first."""
    with _looking() as looking:
        found = looking.newest(wallet_id, status or (), limit, before)
    show_them = partial(print_withdrawals, of_one_wallet=wallet_id is not None)
    listing.tell("withdrawals", found, limit, show_them, as_json=as_json)


def show(withdrawal_id: WithdrawalId, *, as_json: AsJson = False) -> None:
    """Show a withdrawal: its state, the calls of the bank, the commands on it."""
    with _looking() as looking:
        found = _found(looking, withdrawal_id)
        calls, history = looking.calls(found.id), looking.history(found)
    if as_json:
        print_json({"withdrawal": found, "bank": calls, "history": history})
    else:
        print_withdrawal(found, calls, history)


@asked
def cancel(asking: Asking, withdrawal_id: WithdrawalId) -> None:
    """Call a withdrawal off whose time has not come; exit 1 when it has been executed."""
    with _looking() as looking:
        wallet_id = _found(looking, withdrawal_id).wallet_id
    ask("withdrawal.cancel.v1", {"wallet_id": wallet_id, "withdrawal_id": withdrawal_id}, asking)


def resolve(  # noqa: PLR0913 - its options
    withdrawal_id: WithdrawalId,
    *,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who has found out; it is kept.")],
    paid: Annotated[bool, typer.Option("--paid", help="The bank has paid.")] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="It has not: the money returns.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="How it was found out, at most 256 characters.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Although the bank caller may be at work on it.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the result.")
    ] = TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """End a withdrawal that the bank left open, once a person has found out what it did.

    Ask the bank first: with --failed the money returns to the wallet, and if the bank has paid
    all the same, it has been spent twice.
    """
    if paid == failed:
        raise UsageFailure("say what the bank has done: either --paid or --failed")
    if not by.strip():
        raise UsageFailure("--by: say whose word it is")
    if reason is not None and not 0 < len(reason) <= steps.MAX_REASON:
        raise UsageFailure(
            f"--reason has {len(reason)} characters, it takes 1 to {steps.MAX_REASON}"
        )
    with _looking() as looking:
        found = _found(looking, withdrawal_id)
        _refuse_resolving(looking, found, paid=paid, force=force)
    show_answer(_resolution(found, by, reason, paid=paid), timeout, as_json=as_json)


def _resolution(found: WithdrawalView, by: str, reason: str | None, *, paid: bool) -> Message:
    """A person's word, always under the same id: said twice, it is done once."""
    names = (found.wallet_id, found.id)
    if paid:
        said = {"by": by, **({"reason": reason} if reason else {})}
        return steps.settlement(*names, source=steps.OPERATOR, metadata=said)
    told = reason or f"{by} says that the bank has not paid."
    return steps.failure(*names, told, source=steps.OPERATOR, metadata={"by": by})


def _refuse_resolving(
    looking: "Withdrawals", found: WithdrawalView, *, paid: bool, force: bool
) -> None:
    """Raise where there is nothing to resolve, or where the bank caller may still call."""
    if not resolving.is_open(found.status):
        raise Failure(
            f"the withdrawal {found.id} is {found.status}; only one that needs review"
            " or is executing can be resolved"
        )
    calls = looking.calls(found.id)
    if calls is not None and calls.state == "paid" and not paid:
        raise Failure(
            f"the bank has answered that it has paid the withdrawal {found.id}, at"
            f" {calls.changed_at}; it is settled as soon as the bank caller has told the ledger"
        )
    if force or not resolving.is_at_work(found.status, calls.state if calls else None):
        return
    last = "it has not called the bank yet"
    if calls is not None:
        last = f"its call {calls.calls} is {calls.state} since {calls.changed_at}"
    raise Failure(
        f"the bank caller is still at work on the withdrawal {found.id}: {last}; wait until it"
        " is done or needs review, or stop the bank caller and say --force"
    )


def _found(looking: "Withdrawals", withdrawal_id: str) -> WithdrawalView:
    found = looking.one(withdrawal_id)
    if found is None:
        raise Failure(
            f"there is no withdrawal {withdrawal_id}; `wallet withdrawals list` shows those there"
            " are, a withdrawal's id is the transaction id of the command that scheduled it"
        )
    return found


@contextmanager
def _looking() -> Iterator["Withdrawals"]:
    from consumers.looking_withdrawals import Withdrawals  # noqa: PLC0415 - as above

    with looking_at(load_settings()) as looking:
        yield Withdrawals(looking)
