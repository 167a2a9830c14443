"""The world's accounts are told from wallets by name."""

from schemas.accounts import WORLD, WORLD_NAMES, is_world
from schemas.identifiers import is_uuid


def test_a_world_account_is_no_wallet_id() -> None:
    """Its name on the wire holds a colon; its UUID stays in the database."""
    for name, account in WORLD.items():
        assert is_world(name)
        assert not is_world(account)
        assert not is_uuid(name)
        assert is_uuid(account)
        assert WORLD_NAMES[account] == name
