"""`wallet statement`: a wallet's changes as a document that can be signed, and checked."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from consumers import seals
from consumers.seals import SealError
from consumers.statements import StatementError, checked, statement
from wallet.cli.asking import WalletId
from wallet.cli.connected import load_settings, looking_at
from wallet.cli.files import using_files
from wallet.cli.moments import moment
from wallet.cli.printing import money, print_pairs
from wallet.failure import Failure, UsageFailure

KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="KEYFILE", help="Sign with the secret in this file (HMAC)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Statements of wallets.", no_args_is_help=True)
    group.command("export")(export)
    group.command("check")(check)
    group.callback()(_statement)
    app.add_typer(group, name="statement")


def _statement() -> None:
    """Export what happened to a wallet as one document, signed or not, and check such a one."""


def export(
    wallet_id: WalletId,
    *,
    since: Annotated[
        datetime | None, typer.Option("--from", metavar="TIME", parser=moment, help="From then on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", metavar="TIME", parser=moment, help="Until then.")
    ] = None,
    key: KeyFile = None,
) -> None:
    """Print a wallet's statement as JSON: opening, every change, closing."""
    secret = _secret(key)
    with looking_at(load_settings()) as looking:
        wallet = looking.wallet(wallet_id)
        if wallet is None:
            raise Failure(f"there is no wallet {wallet_id}")
        try:
            made = statement(looking, wallet, since, until)
        except ValueError as error:
            raise UsageFailure(str(error)) from error
    signed = made if secret is None else made.signed(secret)
    typer.echo(msgspec.json.format(msgspec.json.encode(signed), indent=1).decode())


def check(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A statement.")],
    *,
    key: KeyFile = None,
) -> None:
    """Check that a statement adds up, and with a key that it is as it was signed; else exit 1."""
    secret = _secret(key)
    try:
        with using_files("read"):
            written = path.read_bytes()
        found = checked(written, secret)
    except StatementError as error:
        raise Failure(str(error)) from error
    print_pairs(
        [
            ("wallet", found.wallet_id),
            ("from", found.since or "the beginning"),
            ("to", found.until),
            ("changes", str(len(found.lines))),
            ("opening", money(found.opening.balance, found.currency)),
            ("closing", money(found.closing.balance, found.currency)),
            ("signed", "by this key" if secret else "not checked" if found.signature else "no"),
        ]
    )


def _secret(path: Path | None) -> bytes | None:
    try:
        with using_files("read"):
            return None if path is None else seals.key_of(path)
    except SealError as error:
        raise Failure(str(error)) from error
