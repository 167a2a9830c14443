"""`wallet credit`: ask for credit, approve or reject it, see what was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.identifiers import is_uuid
from schemas.statuses import CREDIT_REQUEST_STATUSES
from wallet.cli import listing
from wallet.cli.asking import Amount, AsJson, Asking, Currency, WalletId, WithNumber, asked
from wallet.cli.commands import ask
from wallet.cli.connected import load_settings, looking_at
from wallet.cli.printing import print_credit_requests
from wallet.failure import Failure

# As in wallet.cli.connected: SQLAlchemy takes its time, and `request` does not need it.
if TYPE_CHECKING:
    from consumers.looking_credit import CreditRequests


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Ask for credit, approve or reject it.", no_args_is_help=True)
    group.command(cls=WithNumber)(request)
    for command in (approve, reject):
        group.command()(command)
    group.command("list")(list_them)
    app.add_typer(group, name="credit")


def _id_or_number(text: str) -> str:
    found = text.strip().lower()
    if is_uuid(found) or (found.isdecimal() and found.isascii()):
        return found
    raise typer.BadParameter(f"{text!r} is neither a credit request's id nor its number")


IdOrNumber = Annotated[
    str, typer.Argument(metavar="ID", help="Its id, or its number.", parser=_id_or_number)
]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who says so; it is kept.")]
Reason = Annotated[str | None, typer.Option(help="Why, at most 256 characters.")]


@asked
def request(
    asking: Asking, wallet_id: WalletId, amount: Amount, *, currency: Currency = None
) -> None:
    """Ask for money; no money moves before somebody approves it."""
    data = {"wallet_id": wallet_id, "amount": amount, "currency": currency}
    ask("credit_request.create.v1", data, asking)


@asked
def approve(asking: Asking, name: IdOrNumber, *, by: By = None, reason: Reason = None) -> None:
    """Give a wallet what it asked for, once; exit 1 when that is decided already."""
    _end("credit_request.approve.v1", name, {"by": by, "reason": reason}, asking)


@asked
def reject(asking: Asking, name: IdOrNumber, *, by: By = None, reason: Reason = None) -> None:
    """Say no, once; exit 1 when it is decided already."""
    _end("credit_request.reject.v1", name, {"by": by, "reason": reason}, asking)


def list_them(
    *,
    wallet_id: listing.Wallet = None,
    status: Annotated[list[str] | None, listing.statuses(CREDIT_REQUEST_STATUSES)] = None,
    limit: listing.Limit = 20,
    before: listing.Before = None,
    as_json: AsJson = False,
) -> None:
    """Show credit requests, those made last first."""
    with _looking() as looking:
        found = looking.newest(wallet_id, status or (), limit, before)
    listing.tell("credit_requests", found, limit, print_credit_requests, as_json=as_json)


def _end(command_type: str, name: str, said: dict[str, str | None], asking: Asking) -> None:
    with _looking() as looking:
        found = looking.one(name)
    if found is None:
        raise Failure(
            f"there is no credit request {name}; `wallet credit list` shows those there are"
        )
    data = {"wallet_id": found.wallet_id, "credit_request_id": found.id, **said}
    ask(command_type, data, asking)


@contextmanager
def _looking() -> Iterator["CreditRequests"]:
    from consumers.looking_credit import CreditRequests  # noqa: PLC0415 - as above

    with looking_at(load_settings()) as looking:
        yield CreditRequests(looking)
