"""Connections of the bank caller to PostgreSQL, in autocommit mode, every wait bounded."""

from psycopg2 import extensions

from producers import answering
from schemas.settings import Settings


def connect(settings: Settings, purpose: str) -> extensions.connection:
    """A connection that writes. Raises psycopg2.OperationalError when none is had within 5 s."""
    lock_timeout = f"{settings.lock_timeout_ms}ms"
    given = settings.database_client(purpose, lock_timeout=lock_timeout, synchronous_commit="on")
    connection = answering.connect(settings.statement_timeout_ms, **given)
    connection.autocommit = True
    return connection
