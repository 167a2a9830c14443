"""`wallet create`, `deposit`, `transfer`, `exchange`, `sell` and so on: one command each."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import typer

from producers.message import Attributes, Message, message_of, uuid7
from wallet.cli.asking import (
    Amount,
    Asking,
    Currency,
    WalletId,
    WithNumber,
    asked,
    uuid_text,
    without_none,
)
from wallet.cli.checking import what_is_wrong
from wallet.cli.connected import client_of, load_settings
from wallet.cli.printing import print_json, print_result
from wallet.failure import UsageFailure

INTERRUPTED: Final = 130
"""Exit code of a command that Ctrl-C has ended."""

Status = Literal["active", "deactivated", "suspended"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(create)
    for command in (deposit, transfer, exchange, sell, refund):
        app.command(cls=WithNumber)(command)
    app.command("set-status")(set_status)


@asked
def create(
    asking: Asking,
    wallet_id: Annotated[
        str | None,
        typer.Argument(metavar="[WALLET]", help="A UUID; a new one by default.", parser=uuid_text),
    ] = None,
    *,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code.")] = None,
    name: Annotated[str | None, typer.Option(help="The owner's name.")] = None,
    email: Annotated[str | None, typer.Option(help="The owner's mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="The owner's phone number.")] = None,
) -> None:
    """Open an empty, active wallet."""
    owner = without_none({"name": name, "email": email, "phone": phone})
    own_id = wallet_id or _new_wallet_id(asking)
    data = {"wallet_id": own_id, "currency": currency, "owner": owner or None}
    ask("wallet.create.v1", data, asking)


@asked
def deposit(
    asking: Asking, wallet_id: WalletId, amount: Amount, *, currency: Currency = None
) -> None:
    """Bring money from outside into a wallet."""
    ask("deposit.v1", {"wallet_id": wallet_id, "amount": amount, "currency": currency}, asking)


@asked
def transfer(
    asking: Asking,
    wallet_id: Annotated[str, typer.Argument(metavar="FROM", help="Who pays.", parser=uuid_text)],
    to_wallet_id: Annotated[
        str, typer.Argument(metavar="TO", help="Who gets it.", parser=uuid_text)
    ],
    amount: Amount,
    *,
    currency: Currency = None,
) -> None:
    """Move money from one wallet to another."""
    data = {"wallet_id": wallet_id, "to_wallet_id": to_wallet_id, "amount": amount}
    ask("transfer.v1", {**data, "currency": currency}, asking)


@asked
def exchange(  # noqa: PLR0913 - both sides, each with its amount
    asking: Asking,
    wallet_id: Annotated[str, typer.Argument(metavar="FROM", help="Who pays.", parser=uuid_text)],
    to_wallet_id: Annotated[
        str, typer.Argument(metavar="TO", help="Who gets the other currency.", parser=uuid_text)
    ],
    amount: Amount,
    to_amount: Annotated[str, typer.Argument(help="What arrives, in TO's currency.")],
    *,
    currency: Currency = None,
    to_currency: Annotated[
        str | None, typer.Option(help="ISO 4217 code; TO's where it is left out.")
    ] = None,
) -> None:
    """Move money of one wallet into another one of another currency; you agree on both amounts."""
    amounts = {"amount": amount, "to_amount": to_amount}
    data = {"wallet_id": wallet_id, "to_wallet_id": to_wallet_id, **amounts}
    ask("exchange.v1", {**data, "currency": currency, "to_currency": to_currency}, asking)


@asked
def sell(
    asking: Asking,
    wallet_id: WalletId,
    phone_number: Annotated[str, typer.Argument(metavar="PHONE", help="10 to 15 digits.")],
    amount: Amount,
    *,
    currency: Currency = None,
) -> None:
    """Sell a phone charge: the money leaves the wallet."""
    data = {"wallet_id": wallet_id, "phone_number": phone_number, "amount": amount}
    ask("charge_sale.v1", {**data, "currency": currency}, asking)


@asked
def refund(
    asking: Asking,
    wallet_id: Annotated[
        str, typer.Argument(metavar="WALLET", help="The wallet that paid.", parser=uuid_text)
    ],
    transaction_id: Annotated[
        str, typer.Argument(metavar="TRANSACTION", help="What it paid in.", parser=uuid_text)
    ],
    amount: Annotated[str | None, typer.Argument(help="All that is left by default.")] = None,
    *,
    currency: Currency = None,
) -> None:
    """Give a wallet back what it paid in a transaction, in whole or in part."""
    data = {"wallet_id": wallet_id, "transaction_id": transaction_id, "amount": amount}
    ask("refund.v1", {**data, "currency": currency}, asking)


@asked
def set_status(asking: Asking, wallet_id: WalletId, status: Status) -> None:
    """Say whether a wallet gives and takes money."""
    ask("wallet.set_status.v1", {"wallet_id": wallet_id, "status": status}, asking)


def _new_wallet_id(asking: Asking) -> str:
    """A new id; for a command whose id is given always the same, so that it can be repeated."""
    if asking.id is None:
        return uuid7()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{asking.source}#{asking.id}"))


def ask(command_type: str, data: Mapping[str, object], asking: Asking) -> None:
    """Send one command, wait for its result and show it; exit 1 when it is refused."""
    attributes: Attributes = {}
    if expirytime := asking.expirytime():
        attributes["expirytime"] = expirytime
    message = message_of(
        command_type,
        without_none({**data, **asking.shared_data()}),
        source=asking.source,
        command_id=asking.id,
        attributes=attributes,
    )
    show_answer(message, asking.timeout, as_json=asking.as_json)


def show_answer(message: Message, timeout: float, *, as_json: bool) -> None:
    """Send a ready command, wait for its result and show it; exit 1 when it is refused."""
    wrong = what_is_wrong(message.key, message.value, message.headers)
    if wrong:
        raise UsageFailure(f"{wrong}; nothing was sent")
    with client_of(load_settings()) as client:
        try:
            result = client.wait(client.send_message(message), timeout)
        except KeyboardInterrupt:
            look = f"`wallet result {message.id} --source {message.source}`"
            typer.echo(f"wallet: it may be done all the same: {look} tells", err=True)
            raise typer.Exit(INTERRUPTED) from None
    print_json(result) if as_json else print_result(result)
    if result.error is not None:
        raise typer.Exit(1)
