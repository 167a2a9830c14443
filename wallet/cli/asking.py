"""The options that every command to the ledger has, written once."""

import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer
from typer.core import TyperCommand

from producers.client import TIMEOUT
from producers.message import SOURCE
from schemas.identifiers import is_uuid
from schemas.moments import in_milliseconds
from wallet.failure import UsageFailure

P = ParamSpec("P")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def uuid_text(text: str) -> str:
    """Read a UUID from the command line; capital letters are forgiven here."""
    lowered = text.strip().lower()
    if not is_uuid(lowered):
        raise typer.BadParameter(
            f"{text!r} is no UUID, such as 01930f6e-0000-7000-8000-000000000001"
        )
    return lowered


def own_id(text: str) -> str:
    """Read a command's id; an empty one is a variable of a script that was never set."""
    if not text:
        raise typer.BadParameter("it is empty: name it, or leave it out for a new one")
    return text


WalletId = Annotated[str, typer.Argument(metavar="WALLET", help="Wallet id.", parser=uuid_text)]
Amount = Annotated[str, typer.Argument(help='In major units, such as "5000.00".')]
Currency = Annotated[
    str | None, typer.Option(help="ISO 4217 code; the wallet's where it is left out.")
]


_NEGATIVE: Final = re.compile(r"-[.,]?\d")


class WithNumber(TyperCommand):
    """A command with an amount or a time: one below zero is no option, and told as what it is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own
        """Take a word that begins as a negative number for an argument."""
        ctx.ignore_unknown_options = any(_NEGATIVE.match(word) for word in args)
        return super().parse_args(ctx, args)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How a command is asked: its id and what travels with it."""

    id: Annotated[
        str | None,
        typer.Option(
            "--id",
            help="Idempotency key: the same id is never done twice. Else a new.",
            parser=own_id,
            metavar="TEXT",
        ),
    ] = None
    source: Annotated[str, typer.Option(help="Who asks; ids are unique within it.")] = SOURCE
    reference: Annotated[
        str | None, typer.Option(help="Your own note, at most 128 characters.")
    ] = None
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="May be given 20 times.")
    ] = None
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the result.")] = TIMEOUT
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS|TIME", help="Refuse it when the ledger comes to it later than this."
        ),
    ] = None
    as_json: AsJson = False

    def shared_data(self) -> dict[str, object]:
        """The fields that the data of every command may have."""
        pairs = dict(_pair(text) for text in self.metadata or ())
        return without_none({"reference": self.reference, "metadata": pairs or None})

    def expirytime(self) -> str | None:
        """The end of the command's validity as CloudEvents has it."""
        if self.expires is None:
            return None
        try:
            return _moment(self.expires)
        except (ValueError, OverflowError):
            raise typer.BadParameter(
                f"{self.expires!r} is neither a number of seconds"
                " nor a time such as 2026-11-20T10:00:00Z",
                param_hint="'--expires'",
            ) from None


def asked(function: Callable[Concatenate[Asking, P], None]) -> Callable[..., None]:
    """Give a command the options of Asking; it gets them gathered as its first argument."""

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:  # noqa: ANN401 - typer's
        names = Asking.__dataclass_fields__.keys()
        asking = Asking(**{name: options.pop(name) for name in names})
        function(asking, *args, **options)

    own = list(inspect.signature(function).parameters.values())[1:]
    shared = list(inspect.signature(Asking).parameters.values())
    parameters = [*own, *shared]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def refuse_idle(given: Mapping[str, object], when: str) -> None:
    """Refuse options that would not be heard. Raises UsageFailure.

    They are those of `given`, by name, that are neither None nor False; `when` says why they would
    not, as "without --seals".
    """
    idle = [name for name, value in given.items() if value is not None and value is not False]
    if idle:
        raise UsageFailure(f"{', '.join(idle)}: nothing would come of it {when}")


def without_none(fields: dict[str, object]) -> dict[str, object]:
    """The fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageFailure(f"--metadata {text!r} is no KEY=VALUE")
    return key, value


def _moment(text: str) -> str:
    try:
        seconds = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone is no moment") from None
        return in_milliseconds(moment)
    if not math.isfinite(seconds):
        raise ValueError("not finite")
    return in_milliseconds(datetime.now(UTC) + timedelta(seconds=seconds))
