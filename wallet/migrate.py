"""Brings a database to the newest revision of `schemas/migrations`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg2

import schemas
from producers.addresses import why_refused, without_password
from producers.failure import one_line
from wallet.failure import Failure, NoAnswer, Tell, UsageFailure, ignore

if TYPE_CHECKING:
    from alembic.config import Config

CONNECT_SECONDS: Final = 3
PAUSE_SECONDS: Final = 0.05
LAST_PAUSE_SECONDS: Final = 1.0


def upgrade(url: str, timeout_seconds: float = 30.0, tell: Tell = ignore) -> None:
    """Apply the missing migrations, waiting for the server; nothing happens when there are none.

    Raises:
        NoAnswer: the database does not answer in time.
        Failure: it refuses.

    """
    # Half a second of imports that the other commands need not wait for.
    from alembic import command  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    from producers import databases  # noqa: PLC0415

    wait_until_answers(url, timeout_seconds, tell)
    config = configuration()
    config.attributes["engine"] = databases.engine(
        url, {"connect_timeout": CONNECT_SECONDS}, poolclass=NullPool
    )
    try:
        command.upgrade(config, "head")
    except (DBAPIError, psycopg2.Error) as error:
        shown = without_password(url)
        raise Failure(f"the migrations of {shown} failed: {one_line(error)}") from error


def configuration() -> "Config":
    """Give alembic's configuration: where the migrations are. In it a % begins a name."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    place = str(Path(schemas.__path__[0], "migrations")).replace("%", "%%")
    config.set_main_option("script_location", place)
    return config


def wait_until_answers(url: str, timeout_seconds: float, tell: Tell = ignore) -> None:
    """Wait until the database can be connected to; a wait that is not over at once is told.

    Raises:
        NoAnswer: it could not within the time; the text has the server's last words, no password.
        UsageFailure: no server could ever answer at such an address.

    """
    deadline = time.monotonic() + timeout_seconds
    shown = without_password(url)
    pause = PAUSE_SECONDS
    while (reason := refusal(url)) is not None:
        if pause == PAUSE_SECONDS:
            tell(f"waiting for PostgreSQL at {shown}: {reason} ...")
        if time.monotonic() > deadline:
            raise NoAnswer(
                f"PostgreSQL at {shown} does not answer ({timeout_seconds:.0f} s): {reason};"
                " start a local one with `wallet up` or set WALLET_DATABASE_URL"
            )
        time.sleep(pause)  # a refused connection has no event to await
        pause = min(pause * 2, LAST_PAUSE_SECONDS)


def refusal(url: str) -> str | None:
    """Try to connect once; give None when it worked, else why not, in one line.

    Raises:
        UsageFailure: no server could ever answer at such an address.

    """
    try:
        psycopg2.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg2.ProgrammingError as error:
        raise UsageFailure(
            f"PostgreSQL at {without_password(url)}: {why_refused(error)};"
            " name yours in WALLET_DATABASE_URL"
        ) from None
    except psycopg2.Error as error:
        return why_refused(error)
    return None
