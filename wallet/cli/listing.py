"""What the lists of withdrawals and of credit requests share: their options, and their end."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Protocol, TypeVar

import typer

from schemas.diagnosis import did_you_mean
from wallet.cli.asking import uuid_text
from wallet.cli.printing import print_json

LIMIT: Final = 1000
"""Most rows in one answer, as consumers.looking has it."""

Wallet = Annotated[
    str | None, typer.Option("--wallet", help="Only this wallet's.", parser=uuid_text)
]
Limit = Annotated[int, typer.Option(min=1, max=LIMIT, help="So many.")]
Before = Annotated[
    str | None, typer.Option(metavar="ID", help="Only those made before this.", parser=uuid_text)
]


class Listed(Protocol):
    """A row of a list."""

    @property
    def id(self) -> str: ...  # noqa: D102 - the name of a page's end


Row = TypeVar("Row", bound=Listed)


def statuses(known: Sequence[str]) -> Any:  # noqa: ANN401 - typer's
    """The option that narrows a list to some of these statuses."""

    def parse(text: str) -> str:
        if text in known:
            return text
        raise typer.BadParameter(
            f"{text!r} is none of {', '.join(known)}.{did_you_mean(text, known)}"
        )

    return typer.Option(help=f"Only these: {', '.join(known)}.", parser=parse)


def tell(
    name: str,
    found: Sequence[Row],
    limit: int,
    show: Callable[[Sequence[Row]], None],
    *,
    as_json: bool,
) -> None:
    """Print a list, and how to go on where there may be more."""
    older = found[-1].id if len(found) == limit else None
    if as_json:
        print_json({name: found, "older": older})
        return
    show(found)
    if older:
        typer.echo(f"there may be older ones: say --before {older} too", err=True)
