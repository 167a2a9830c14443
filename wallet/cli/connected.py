"""What the commands of the ledger work with: settings, a client, a reader; troubles as failures."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from consumers.failure import LookingError, TailError
from producers.client import Client, FindResult
from producers.failure import ClientError
from schemas.results import AnyResult
from schemas.settings import Settings
from wallet.failure import NoAnswer
from wallet.wrong_settings import told_by_name

# SQLAlchemy takes half a second to import, and a command that gets its result never needs it.
if TYPE_CHECKING:
    from consumers.looking import Looking


SOON: Final = 1.0
"""Seconds in which loopback has taken a connection, or refused it."""


def load_settings(*, reaching: bool = True) -> Settings:
    """The settings of this process; a wrong one is a failure that names the variable.

    Where neither a copy runs nor a server is named, nobody has to wait until usual addresses have
    not answered: NoAnswer at once. Not so for what goes on without them, or waits (`reaching`).
    """
    with told_by_name(Settings):
        settings = Settings.load()
    if reaching and not settings.model_fields_set & {"kafka_bootstrap", "database_url"}:
        _refuse_where_nothing_is(settings)
    return settings


def _refuse_where_nothing_is(settings: Settings) -> None:
    database = urlsplit(settings.database_url)
    places = [settings.kafka_bootstrap.rpartition(":")[::2], (database.hostname, database.port)]
    for host, port in places:
        with suppress(OSError), socket.create_connection((str(host), int(port or 0)), SOON):
            return
    raise NoAnswer(
        f"no copy of the ledger runs on {settings.data.absolute()}: start one with `wallet up`, or"
        " name the folder of one that runs in WALLET_DATA, or servers of your own in"
        " WALLET_KAFKA_BOOTSTRAP and WALLET_DATABASE_URL"
    )


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
