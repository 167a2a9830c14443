"""The roles, and what each may do to wallets that are not its own."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is.

    Sellers and users have their own wallet only; a service commands every wallet, but administers
    nobody; an auditor sees everything and changes nothing; an admin may do all.
    """

    ADMIN = "admin"
    SELLER = "seller"
    USER = "user"
    SERVICE = "service"
    AUDITOR = "auditor"


READERS: Final = frozenset({Role.ADMIN, Role.SERVICE, Role.AUDITOR})
"""Who sees all wallets."""

COMMANDERS: Final = frozenset({Role.ADMIN, Role.SERVICE})
"""Who moves the money of all wallets."""

KEY_ROLES: Final = (Role.ADMIN, Role.SERVICE, Role.AUDITOR)
"""What an API key can be that belongs to no user."""

USER_TYPES: Final = {0: Role.ADMIN, 1: Role.SELLER, 3: Role.USER}
"""A user's type, as service 000 counts them -> the role."""


def user_type(role: Role) -> int:
    """The number of a role: 0 admin, 1 seller, 3 user, and 3 for those that service 000 lacks."""
    return next((number for number, each in USER_TYPES.items() if each is role), 3)
