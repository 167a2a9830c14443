"""What a handler asks where the wallet does not stand in the path.

asked.rights.move(wallet_id)    # raises EarlyError 403
"""

from producers.http.people.access import forbidden, owns, unknown
from producers.http.people.principal import Principal
from producers.http.people.roles import Role


class Rights:
    """The rights of one request; `were_asked` says whether its handler has looked at them."""

    __slots__ = ("_self_deposits", "were_asked", "who")

    def __init__(self, who: Principal, *, self_deposits: bool) -> None:
        self.who = who
        self.were_asked = False
        self._self_deposits = self_deposits

    def see(self, wallet_id: str | None) -> None:
        """Let it be seen by its owner and by who sees all. Raises EarlyError 403."""
        self._let(may=self.who.reads_all or owns(self.who, wallet_id))

    def see_all(self) -> None:
        """Let everything be seen by admins, services and auditors. Raises EarlyError 403."""
        self._let(may=self.who.reads_all)

    def see_audit(self) -> None:
        """Let the audit log be seen by admins and auditors. Raises EarlyError 403."""
        self._let(may=self.who.role in {Role.ADMIN, Role.AUDITOR})

    def move(self, wallet_id: str | None) -> None:
        """Let money leave by its owner and by who commands all. Raises EarlyError 403."""
        self._let(may=self.who.commands_all or owns(self.who, wallet_id))

    def deposit(self, wallet_id: str | None) -> None:
        """Let money come in; by its owner where people may do so. Raises EarlyError 403."""
        own = self._self_deposits and owns(self.who, wallet_id)
        self._let(may=self.who.commands_all or own)

    def administer(self) -> None:
        """Let admins decide, whose key may administer. Raises EarlyError 403."""
        self._let(may=self.who.administers)

    def own_wallet(self) -> str:
        """The wallet of who asks. Raises EarlyError 401 or 403."""
        if not self.who.is_known:
            raise unknown()
        self._let(may=self.who.wallet_id is not None)
        assert self.who.wallet_id is not None
        return self.who.wallet_id

    def own_user(self) -> int:
        """The id of the user who asks. Raises EarlyError 401 or 403."""
        if not self.who.is_known:
            raise unknown()
        self._let(may=self.who.user_id is not None)
        assert self.who.user_id is not None
        return self.who.user_id

    def _let(self, *, may: bool) -> None:
        self.were_asked = True
        if not may:
            raise forbidden()
