"""A ledger's database by its address, as libpq takes it: a URL or key=value, of several hosts too.

SQLAlchemy's own addresses have one host and one form, so its engines get connections that psycopg2
has made. What is then the same everywhere is what PostgreSQL's manual says of connection strings.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection, make_dsn, parse_dsn
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

READ_ONLY: Final = "25006"
"""PostgreSQL's word for a write to a server that takes none, as a standby."""

_NOT_READY: Final = frozenset({"42501", "42P01"})
"""A right is missing, a table: until an operator has seen to it."""


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


def may_pass(error: DBAPIError) -> bool:
    """Whether a statement may do later: the database is away, or does it for nobody now.

    As a standby after a failover, or where a right or the tables are missing. What is wrong itself
    stays wrong: rows that are, and statements, which are a bug of ours.
    """
    if error.connection_invalidated:
        return True
    if isinstance(error, ProgrammingError):
        return getattr(error.orig, "pgcode", None) in _NOT_READY
    return not isinstance(error, DataError | IntegrityError)


def why(error: DBAPIError) -> str:
    """The first words of the database alone: those that follow may hold what a row was to hold."""
    diagnosis = getattr(error.orig, "diag", None)
    return str(getattr(diagnosis, "message_primary", None) or error.orig).strip()


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


def _leave_standby(context: ExceptionContext) -> None:
    """Let go of all connections to a server that was demoted: those to come look for the primary.

    SQLAlchemy does that where a connection broke; this one is well, and would be kept for ever.
    """
    if getattr(context.original_exception, "pgcode", None) == READ_ONLY:
        context.is_disconnect = True
