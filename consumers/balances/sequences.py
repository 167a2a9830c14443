"""The sequence that each wallet has come to by now, from the ledger's own table."""

from collections.abc import Collection
from typing import Final

from psycopg2 import extensions

from producers import answering
from schemas.settings import Settings

QUERY: Final = """
SELECT wallet_id::text, sequence FROM wallets WHERE wallet_id = ANY(%s::uuid[])
"""


class Sequences:
    """A connection that only reads, made when it is needed. of() raises psycopg2.Error."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: extensions.connection | None = None

    def of(self, wallets: Collection[str]) -> dict[str, int]:
        """The sequences of those wallets that are there."""
        if self._connection is None:
            given = self._settings.database_client("balances", default_transaction_read_only="on")
            self._connection = answering.connect(self._settings.statement_timeout_ms, **given)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(QUERY, (list(wallets),))
            return dict(cursor.fetchall())

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
