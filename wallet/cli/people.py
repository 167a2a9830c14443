"""What `wallet users` and `wallet keys` share: the database, who does it, passwords, tables."""

import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, pool
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from producers import databases
from producers.addresses import UNREADABLE, without_password
from producers.answering import LimitedConnection
from producers.http.people import changing, reading
from producers.http.people.passwords import LONGEST
from producers.http.people.reading import UserRow
from producers.message import uuid7
from schemas.settings import Settings
from wallet.failure import Failure, NoAnswer, UsageFailure

CONNECT_SECONDS: Final = 5
PASSWORD_MIN: Final = 8


@contextmanager
def people_at(settings: Settings, what: str | None = None) -> Iterator[Connection]:
    """A transaction on the people of a ledger; `what` is done goes into the audit log."""
    engine = databases.engine(
        settings.database_url,
        {
            "connect_timeout": CONNECT_SECONDS,
            "connection_factory": LimitedConnection,
            "application_name": "wallet-people",
        },
        poolclass=pool.NullPool,
    )
    try:
        with engine.begin() as connection:
            yield connection
            if what is not None:
                changing.note(connection, uuid7(), f"cli:{_operator()}", what)
    except DBAPIError as error:
        if isinstance(error, DataError | IntegrityError):
            raise
        raise NoAnswer(_told(settings.database_url, error)) from error


def _told(address: str, error: DBAPIError) -> str:
    """What a server says; where none does, which one was asked and what to do."""
    why = databases.why(error)
    if getattr(error.orig, "pgcode", None):
        return f"the people cannot be read or written: {why}"
    if why.startswith(UNREADABLE):
        return f"PostgreSQL at {why}; name yours in WALLET_DATABASE_URL"
    return (
        f"PostgreSQL at {without_password(address)} does not answer: {why};"
        " start a local one with `wallet up`, or name yours in WALLET_DATABASE_URL"
    )


def found(connection: Connection, name: str) -> UserRow:
    """The user of a name, or of an id. Raises Failure."""
    user = reading.user_by_name(connection, name)
    if user is None and name.isdecimal() and name.isascii() and len(name) < 19:  # noqa: PLR2004
        user = reading.user(connection, int(name))
    if user is None:
        raise Failure(f"there is no user {name}; `wallet users list` shows those there are")
    return user


def password_asked() -> str:
    """A new password: asked for twice on a terminal, else the first line that comes in.

    Never of the command line, which others see.
    """
    if sys.stdin.isatty():
        said: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        said = sys.stdin.readline().rstrip("\r\n")
    if not PASSWORD_MIN <= len(said) <= LONGEST:
        raise UsageFailure(f"a password has {PASSWORD_MIN} to {LONGEST} characters")
    return said


def print_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under their names; what is None is left blank."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*["" if each is None else str(each) for each in row])
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return str(os.getuid())
