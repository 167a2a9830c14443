"""Connections of consumers to their own PostgreSQL, every wait bounded."""

from typing import Any

from psycopg2 import extensions

from producers import answering
from schemas.settings import Settings


def connect(settings: Settings, url: str, name: str) -> extensions.connection:
    """A connection that writes in transactions. Raises psycopg2.OperationalError.

    Whoever is frozen inside a transaction has it ended by the server before others, who wait for
    its locks, give up.
    """
    session: dict[str, Any] = {
        "statement_timeout": f"{settings.statement_timeout_ms}ms",
        "lock_timeout": f"{settings.lock_timeout_ms}ms",
        "idle_in_transaction_session_timeout": f"{settings.idle_in_transaction_timeout_ms}ms",
        "client_connection_check_interval": "1000ms",
    }
    return answering.connect(
        settings.statement_timeout_ms,
        dsn=url,
        application_name=f"consumer {name}"[:63],
        connect_timeout=5,
        options=" ".join(f"-c {option}={value}" for option, value in session.items()),
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )
