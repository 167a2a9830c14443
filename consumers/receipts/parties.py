"""Whose wallets they are: the users of table users, as they are called now."""

from collections.abc import Collection
from typing import Final

from consumers.reader import Reader
from consumers.receipts.page import Party
from schemas.settings import Settings

QUERY: Final = """
SELECT wallet_id::text, id, username FROM users
WHERE wallet_id = ANY(%s::uuid[]) AND made_at IS NOT NULL
"""


class Parties:
    """A reader of them. of() raises psycopg2.Error and may be called again."""

    def __init__(self, settings: Settings) -> None:
        self._reader = Reader(settings, "receipts")

    def of(self, wallets: Collection[str]) -> dict[str, Party]:
        """The users of those wallets that have one."""
        rows = self._reader.rows(QUERY, (list(wallets),))
        return {wallet_id: Party(*user) for wallet_id, *user in rows}

    def close(self) -> None:
        """Let the connection go."""
        self._reader.close()
