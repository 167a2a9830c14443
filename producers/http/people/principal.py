"""A principal: who asks."""

from typing import Final

import msgspec

from producers.http.people.roles import COMMANDERS, READERS, Role

SCOPES: Final = ("read", "write", "admin")
"""What a key may be narrowed to: see, change, administer."""

ALL_SCOPES: Final = frozenset(SCOPES)


class Principal(msgspec.Struct, frozen=True, gc=False):
    """Who asks, once the credentials are known to be right.

    `kind` is "open" (whoever reaches loopback, without credentials), "user" (by password, token or
    key) or "key" (a key that belongs to no user). `name` is the username, or the key's.
    """

    kind: str
    name: str
    role: Role
    id: int | None = None
    """The user's id, or the key's."""
    wallet_id: str | None = None
    scopes: frozenset[str] = ALL_SCOPES
    kyc_level: int = 0
    phone_number: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether there were credentials at all."""
        return self.kind != "open"

    @property
    def user_id(self) -> int | None:
        """The id of the user, where it is one."""
        return self.id if self.kind == "user" else None

    @property
    def label(self) -> str:
        """How logs and the ledger name it: "user:12", "key:3", "open"."""
        return self.kind if self.id is None else f"{self.kind}:{self.id}"

    @property
    def reads_all(self) -> bool:
        """Whether all wallets may be seen."""
        return self.role in READERS

    @property
    def commands_all(self) -> bool:
        """Whether the money of all wallets may be moved."""
        return self.role in COMMANDERS

    @property
    def administers(self) -> bool:
        """Whether users, sellers and credit requests may be decided on: by role and by scope."""
        return self.role is Role.ADMIN and "admin" in self.scopes


OPEN: Final = Principal("open", "open", Role.ADMIN)
"""Whoever reaches loopback while no logins are required."""

NOBODY: Final = Principal("open", "nobody", Role.USER, scopes=frozenset())
"""Who has not said who it is, where that matters: sees what is public."""
