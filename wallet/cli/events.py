"""`wallet events tail`: the ledger's events as they stand in the log."""

from typing import Annotated

import typer

from consumers.tail import Offset, Start, Tail
from schemas.events import EVENT_TYPES
from wallet.cli.asking import AsJson, uuid_text
from wallet.cli.connected import load_settings, told_as_failures
from wallet.cli.moments import moment
from wallet.cli.printing import event_line, print_json


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="The events of the ledger.", no_args_is_help=True)
    group.command("tail")(tail)
    group.callback()(_events)
    app.add_typer(group, name="events")


def _events() -> None:
    """Read the events of the ledger."""


def _event_type(text: str) -> str:
    wanted = text if text.endswith(".v1") else f"{text}.v1"
    if wanted not in EVENT_TYPES.values():
        raise typer.BadParameter(f"{text!r} is none of {', '.join(EVENT_TYPES.values())}")
    return wanted


def _start(text: str) -> Start:
    """A start: an end, an offset (of all partitions, or PARTITION:OFFSET), or a moment."""
    if text in ("beginning", "end"):
        return "beginning" if text == "beginning" else "end"
    partition, colon, offset = text.rpartition(":")
    if offset.isdecimal() and (partition.isdecimal() or not colon):
        return Offset(int(offset), int(partition) if colon else None)
    try:
        return moment(text)
    except typer.BadParameter:
        raise typer.BadParameter(
            f"{text!r} is neither beginning nor end, an offset (1841, or 3:1841 of partition 3),"
            " a time such as 2026-11-20T10:00:00Z nor one ago such as 10m"
        ) from None


def tail(
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as it grows.")] = False,
    wallet_id: Annotated[
        str | None, typer.Option("--wallet", help="Only this wallet's.", parser=uuid_text)
    ] = None,
    event_type: Annotated[
        str | None, typer.Option("--type", help="Only this type's.", parser=_event_type)
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="beginning|end|OFFSET|TIME",
            help="Where to start: with -f at the end by default, else at the beginning.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print committed events, a line each; stop at the end unless told to follow.

    The events of one wallet come in the order of their sequence, those of several interleave.
    An OFFSET is 1841 (of every partition) or 3:1841 (of partition 3 alone); a TIME is
    2026-11-20T10:00:00Z, or 10m for ten minutes ago. With --json each line is a document.
    """
    begin = _start(start or ("end" if follow else "beginning"))
    with told_as_failures():
        try:
            for told in Tail(load_settings(), wallet_id).read(begin, follow=follow):
                if told is not None and event_type in (None, told.type):
                    print_json(told) if as_json else typer.echo(event_line(told))
        except KeyboardInterrupt:
            return  # the way to end a reading that follows
