"""A ledger's database by its address, as libpq takes it: a URL or key=value, of several hosts too.

SQLAlchemy's own addresses have one host and one form, so its engines get connections that psycopg2
has made. What is then the same everywhere is what PostgreSQL's manual says of connection strings.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection, make_dsn, parse_dsn
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
    ProgrammingError,
)
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from producers.addresses import UNREADABLE, why_refused

READ_ONLY: Final = "25006"
"""PostgreSQL's word for a write to a server that takes none, as a standby."""

_NOT_READY: Final = frozenset({"42501", "42P01"})
"""A right is missing, a table: until an operator has seen to it."""

_NO_ADDRESS: Final = "invalid dsn: "
"""How psycopg2 begins what is wrong with an address: no server was asked, so there is no code."""

_ASKED: Final = "asked"
"""What a pool notes of a connection: when it asked last, and whether its server was a standby."""


def engine(
    address: str,
    connecting: Mapping[str, Any],
    *,
    read_only: bool = False,
    **options: Any,  # noqa: ANN401 - as SQLAlchemy has them
) -> Engine:
    """An engine of SQLAlchemy's; `connecting` goes to psycopg2.connect, `options` to the engine."""

    def connected() -> connection:
        opened: connection = psycopg2.connect(address, **connecting)
        if read_only:
            only_read(opened)
            opened.autocommit = False
        return opened

    # Parameters are names, phone numbers and passwords' hashes: none of it is for a log.
    made = create_engine(
        "postgresql+psycopg2://", creator=connected, hide_parameters=True, **options
    )
    if not read_only:
        event.listen(made, "handle_error", _leave_standby)
    return made


def leave_demoted(made: Engine, seconds: float) -> None:
    """Have an engine's connections ask their server every `seconds` whether it was demoted.

    Nothing tells those that only read. A connection asks when it is lent the next time; where the
    address leads to a standby from the beginning, that is what is wanted. The engine is in
    autocommit mode.
    """

    def note(opened: connection, entry: ConnectionPoolEntry) -> None:
        entry.info[_ASKED] = (time.monotonic(), _is_standby(opened))

    def ask(opened: connection, entry: ConnectionPoolEntry, _lent: PoolProxiedConnection) -> None:
        asked_at, was_standby = entry.info[_ASKED]
        if time.monotonic() - asked_at < seconds:
            return
        try:
            note(opened, entry)
        except psycopg2.Error as error:
            if opened.closed:
                raise InvalidatePoolError("it broke") from error
            return  # it is well: what it was lent for hears what is the matter
        if entry.info[_ASKED][1] and not was_standby:
            raise InvalidatePoolError("its server was demoted")

    event.listen(made, "connect", note)
    event.listen(made, "checkout", ask)


def may_pass(error: DBAPIError) -> bool:
    """Whether a statement may do later: the database is away, or does it for nobody now.

    As a standby after a failover, or where a right or the tables are missing, or an address that
    can be read. What is wrong itself stays wrong: rows that are, and statements, a bug of ours.
    """
    if error.connection_invalidated:
        return True
    if isinstance(error, ProgrammingError):
        return getattr(error.orig, "pgcode", None) in _NOT_READY or _has_no_address(error)
    return not isinstance(error, DataError | IntegrityError)


def why(error: DBAPIError) -> str:
    """What a database or libpq says, in one line.

    Of a database the first words, for those that follow may hold what a row was to hold; of libpq
    nothing that may be a piece of a password.
    """
    diagnosis = getattr(error.orig, "diag", None)
    said = getattr(diagnosis, "message_primary", None)
    if said:
        return " ".join(str(said).split())
    words = why_refused(error.orig or error)
    return f"{UNREADABLE}: {words}" if _has_no_address(error) else words


def only_read(opened: connection) -> None:
    """Have a new session write nothing; it is in autocommit mode then.

    Said while connecting, as other settings are, libpq would take the session for one of a standby,
    and look on, where an address has several hosts and `target_session_attrs=read-write`.
    """
    opened.autocommit = True  # a setting of the session is no part of a transaction
    with opened.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")


def name_of(address: str) -> str | None:
    """The database's name, if the address has one; libpq takes the user's else."""
    name: str | None = parse_dsn(address).get("dbname")
    return name


def beside(address: str, name: str) -> str:
    """The address of another database on the same server."""
    return str(make_dsn(address, dbname=name))


def _has_no_address(error: DBAPIError) -> bool:
    return isinstance(error, ProgrammingError) and str(error.orig).startswith(_NO_ADDRESS)


def _is_standby(opened: connection) -> bool:
    with opened.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        row = cursor.fetchone()
    assert row is not None, "a function gives one row"
    return bool(row[0])


def _leave_standby(context: ExceptionContext) -> None:
    """Let go of all connections to a server that was demoted: those to come look for the primary.

    SQLAlchemy does that where a connection broke; this one is well, and would be kept for ever.
    """
    if getattr(context.original_exception, "pgcode", None) == READ_ONLY:
        context.is_disconnect = True
