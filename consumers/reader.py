"""Questions to the ledger's database, one short statement each."""

from collections.abc import Sequence
from typing import Any

import psycopg2
from psycopg2 import extensions

from producers import answering, databases
from schemas.settings import Settings


class Reader:
    """A connection that only reads, in autocommit mode, every wait bounded; made when needed.

    `purpose` is its name at the server, `session` are settings besides those that all have.
    """

    def __init__(self, settings: Settings, purpose: str, **session: str) -> None:
        self._limit_ms = settings.statement_timeout_ms
        self._given = settings.database_client(purpose, **session)
        self._connection: extensions.connection | None = None

    def rows(self, query: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer. Raises psycopg2.Error; the next question connects anew."""
        try:
            with self._connected().cursor() as cursor:
                cursor.execute(query, given)
                return cursor.fetchall()
        except psycopg2.Error:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> extensions.connection:
        if self._connection is None:
            opened = answering.connect(self._limit_ms, **self._given)
            databases.only_read(opened)
            self._connection = opened
        return self._connection
