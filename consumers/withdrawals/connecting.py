"""Connections of the bank caller to PostgreSQL, in autocommit mode, every wait bounded."""

from typing import Final

import psycopg2
from psycopg2 import extensions

from schemas.settings import Settings

CONNECT_SECONDS: Final = 5

LOST: Final = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""The server or the way to it is gone, or it was too slow, or two deadlocked: try again."""


def connect(settings: Settings, purpose: str) -> extensions.connection:
    """A connection whose plans hang on indexes and not on statistics. Raises psycopg2.Error."""
    options = {
        "statement_timeout": f"{settings.statement_timeout_ms}ms",
        "lock_timeout": f"{settings.lock_timeout_ms}ms",
        "client_connection_check_interval": "1000ms",
        "synchronous_commit": "on",
        "jit": "off",
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
    connection = psycopg2.connect(
        settings.database_url,
        application_name=f"{settings.application} {purpose}"[:63],
        connect_timeout=CONNECT_SECONDS,
        options=" ".join(f"-c {name}={value}" for name, value in options.items()),
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )
    connection.autocommit = True
    return connection
