"""What the commands of the ledger work with: settings, a client, a reader; troubles as failures."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING

from pydantic import ValidationError

from consumers.failure import LookingError, TailError
from producers.client import Client, FindResult
from producers.failure import ClientError
from schemas.results import AnyResult
from schemas.settings import Settings
from wallet.failure import Failure

# SQLAlchemy takes half a second to import, and a command that gets its result never needs it.
if TYPE_CHECKING:
    from consumers.looking import Looking


class UsageFailure(Failure):
    """What was asked cannot be understood; nothing was sent."""

    exit_code = 2


class NoAnswer(Failure):
    """It is not known what became of it: a server did not answer, or not in time."""

    exit_code = 3


def load_settings() -> Settings:
    """The settings of this process; a wrong one is a failure that names the variable."""
    try:
        return Settings.load()
    except ValidationError as error:
        raise UsageFailure(_told(error)) from None


def _told(error: ValidationError) -> str:
    """What is wrong first, with the variable's name; no secret is shown."""
    first = error.errors()[0]
    why = first["msg"].removeprefix("Value error, ")
    field = ".".join(str(part) for part in first["loc"][:1])
    if not field:
        return why  # it names its variables itself
    found = Settings.model_fields.get(field)
    shown = f", got {first['input']!r}" if found is None or found.repr else ""
    return f"WALLET_{field.upper()}: {why}{shown}"


@contextmanager
def told_as_failures() -> Iterator[None]:
    """Turn what producers and consumers raise into the failure of a command."""
    try:
        yield
    except (ClientError, LookingError, TailError) as error:
        raise NoAnswer(str(error)) from error


@contextmanager
def client_of(settings: Settings) -> Iterator[Client]:
    """A client that finds first answers of repeated commands in the database, if it is there."""
    with told_as_failures(), ExitStack() as stack:

        @cache
        def looking() -> "Looking":
            from consumers.looking import Looking  # noqa: PLC0415 - as above

            return stack.enter_context(Looking(settings.database_url))

        yield stack.enter_context(Client(settings, find_result=finder(looking)))


def finder(looking: Callable[[], "Looking"]) -> FindResult:
    """How a client looks first answers up; an absent database finds none."""

    def find(source: str, command_id: str, fingerprint: str | None) -> AnyResult | None:
        try:
            return looking().result(source, command_id, fingerprint)
        except LookingError:
            return None  # the log may still answer

    return find


@contextmanager
def looking_at(settings: Settings) -> Iterator["Looking"]:
    """A reader of the ledger's database."""
    from consumers.looking import Looking  # noqa: PLC0415 - as above

    with told_as_failures(), Looking(settings.database_url) as looking:
        yield looking
