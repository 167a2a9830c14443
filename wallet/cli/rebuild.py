"""`wallet rebuild`: projections thrown away and made again from the ledger's events."""

from enum import StrEnum
from typing import Annotated

import psycopg2
import typer
from rich.console import Console

from producers.failure import one_line
from schemas.settings import Settings
from wallet.cli.asking import AsJson
from wallet.cli.connected import load_settings, told_as_failures
from wallet.cli.printing import print_json
from wallet.failure import NoAnswer


class Projection(StrEnum):
    """What can be thrown away, since the events say all of it."""

    PHONES = "phones"
    RECEIPTS = "receipts"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(rebuild)


def rebuild(
    names: Annotated[
        list[Projection] | None,
        typer.Argument(metavar="phones|receipts", help="Else both."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make projections again from the events topic: phones' totals, receipts that were lost.

    The ledger goes on meanwhile; nothing is sent.
    """
    settings = load_settings()
    told: dict[str, dict[str, int]] = {}
    with told_as_failures():
        for each in dict.fromkeys(names or list(Projection)):
            try:
                told[each] = _phones(settings) if each is Projection.PHONES else _receipts(settings)
            except (psycopg2.Error, OSError) as error:
                raise NoAnswer(f"{each} not rebuilt: {one_line(error)}") from error
    if as_json:
        print_json(told)
        return
    for name, found in told.items():
        typer.echo(f"{name}: {', '.join(_said(*each) for each in found.items())}")


def _said(what: str, found: int) -> str:
    """As "3 sales"; whether anything was otherwise is a word of its own."""
    if isinstance(found, bool):
        return what if found else f"not {what}"
    return f"{found:,} {what}"


def _phones(settings: Settings) -> dict[str, int]:
    from consumers.phones import count_again  # noqa: PLC0415 - only where it is wanted

    console = Console(stderr=True)
    with console.status("events") as status:
        counted = count_again(settings, lambda count: status.update(f"{count:,} events"))
    return counted._asdict()


def _receipts(settings: Settings) -> dict[str, int]:
    from consumers.receipts.again import make_again  # noqa: PLC0415 - imports a maker of PDF

    return {"made": make_again(settings)}
