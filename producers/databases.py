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

from producers.addresses import UNREADABLE, why_refused

READ_ONLY: Final = "25006"
"""PostgreSQL's word for a write to a server that takes none, as a standby."""

_NOT_READY: Final = frozenset({"42501", "42P01"})
"""A right is missing, a table: until an operator has seen to it."""

_NO_ADDRESS: Final = "invalid dsn: "
"""How psycopg2 begins what is wrong with an address: no server was asked, so there is no code."""


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


def _leave_standby(context: ExceptionContext) -> None:
    """Let go of all connections to a server that was demoted: those to come look for the primary.

    SQLAlchemy does that where a connection broke; this one is well, and would be kept for ever.
    """
    if getattr(context.original_exception, "pgcode", None) == READ_ONLY:
        context.is_disconnect = True
