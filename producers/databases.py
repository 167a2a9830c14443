"""A ledger's database by its address, as libpq takes it: a URL or key=value, of several hosts too.

SQLAlchemy's own addresses have one host and one form, so its engines get connections that psycopg2
has made. What is then the same everywhere is what PostgreSQL's manual says of connection strings.
"""

from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import connection, make_dsn, parse_dsn
from sqlalchemy import Engine, create_engine


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

    return create_engine("postgresql+psycopg2://", creator=connected, **options)


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
