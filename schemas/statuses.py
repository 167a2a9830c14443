"""The statuses of a wallet."""

from typing import Final

STATUSES: Final = ("active", "deactivated", "suspended")
"""The position of a status is its number in wallets.status."""
