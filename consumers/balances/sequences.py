"""The sequence that each wallet has come to by now, from the ledger's own table."""

from collections.abc import Collection
from typing import Final

from consumers.reader import Reader
from schemas.settings import Settings

QUERY: Final = """
SELECT wallet_id::text, sequence FROM wallets WHERE wallet_id = ANY(%s::uuid[])
"""


class Sequences:
    """A reader of them. of() raises psycopg2.Error."""

    def __init__(self, settings: Settings) -> None:
        self._reader = Reader(settings, "balances")

    def of(self, wallets: Collection[str]) -> dict[str, int]:
        """The sequences of those wallets that are there."""
        return dict(self._reader.rows(QUERY, (list(wallets),)))

    def close(self) -> None:
        """Let the connection go."""
        self._reader.close()
