"""Whose wallets they are: the users of table users, as they are called now."""

from collections.abc import Collection
from typing import Final

import psycopg2
from psycopg2 import extensions

from consumers.receipts.page import Party
from producers import answering
from schemas.settings import Settings

QUERY: Final = """
SELECT wallet_id::text, id, username FROM users
WHERE wallet_id = ANY(%s::uuid[]) AND made_at IS NOT NULL
"""


class Parties:
    """A connection, made when it is needed. of() raises psycopg2.Error, and connects anew next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: extensions.connection | None = None

    def of(self, wallets: Collection[str]) -> dict[str, Party]:
        """The users of those wallets that have one."""
        try:
            if self._connection is None:
                self._connection = _connect(self._settings)
            with self._connection.cursor() as cursor:
                cursor.execute(QUERY, (list(wallets),))
                return {row[0]: Party(row[1], row[2]) for row in cursor.fetchall()}
        except psycopg2.Error:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(settings: Settings) -> extensions.connection:
    given = settings.database_client("receipts", default_transaction_read_only="on")
    connection = answering.connect(settings.statement_timeout_ms, **given)
    connection.autocommit = True
    return connection
