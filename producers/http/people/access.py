"""Who may use a route: looked at before its handler runs, and before the body is read."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from producers.http.errors import EarlyError, early
from producers.http.people.principal import Principal
from producers.http.people.roles import Role

CHALLENGE: Final = 'Basic realm="wallet", charset="UTF-8"'


class Access(Enum):
    """Who may use a route. Wherever no logins are required, whoever reaches loopback is an admin.

    Auditors change nothing, whatever a route says; a key needs the scope besides.
    """

    PUBLIC = auto()
    """Everybody; credentials are not looked at."""
    SIGNED_IN = auto()
    """Who has said who it is, on loopback too; the handler looks whose things are asked for."""
    HANDLER = auto()
    """The handler must ask `asked.rights`, else it is refused in the end."""
    OWNER = auto()
    """Who owns the wallet of the path; who sees all may see it, who commands all may change it."""
    DEPOSIT = auto()
    """As OWNER, but an owner only where people may deposit to themselves."""
    READ_ALL = auto()
    """Admins, services and auditors."""
    COMMAND = auto()
    """Admins and services."""
    ADMIN = auto()
    """Admins."""


def scope_of(access: Access, *, writes: bool) -> str:
    """What a key needs for such a route."""
    if access is Access.ADMIN:
        return "admin"
    return "write" if writes else "read"


def refuse(
    access: Access, who: Principal, *, writes: bool, wallet: str | None, self_deposits: bool
) -> None:
    """Refuse who may not; `wallet` is the one of the path. Raises EarlyError 401 or 403."""
    if access is Access.PUBLIC:
        return
    if access is Access.SIGNED_IN and not who.is_known:
        raise unknown()
    if scope_of(access, writes=writes) not in who.scopes:
        raise forbidden() if who.is_known else unknown()
    if writes and who.role is Role.AUDITOR:
        raise forbidden()
    if not _MAY[access](who, writes, wallet, self_deposits):
        raise forbidden()


def _owner(who: Principal, writes: bool, wallet: str | None, _: bool) -> bool:  # noqa: FBT001
    return (who.commands_all if writes else who.reads_all) or owns(who, wallet)


def _deposit(who: Principal, _: bool, wallet: str | None, self_deposits: bool) -> bool:  # noqa: FBT001
    return who.commands_all or (self_deposits and owns(who, wallet))


_MAY: Final[dict[Access, Callable[[Principal, bool, str | None, bool], bool]]] = {
    Access.SIGNED_IN: lambda *_: True,
    Access.HANDLER: lambda *_: True,
    Access.OWNER: _owner,
    Access.DEPOSIT: _deposit,
    Access.READ_ALL: lambda who, *_: who.reads_all,
    Access.COMMAND: lambda who, *_: who.commands_all,
    Access.ADMIN: lambda who, *_: who.administers,
}


def owns(who: Principal, wallet: str | None) -> bool:
    """Whether a wallet is somebody's own."""
    return wallet is not None and wallet == who.wallet_id


def unknown(words: str = "Authentication credentials were not provided.") -> EarlyError:
    """401: say who you are."""
    return early(401, {"detail": words}, {"WWW-Authenticate": CHALLENGE})


def forbidden(words: str = "You do not have permission to perform this action.") -> EarlyError:
    """403: that is not yours to do."""
    return early(403, {"detail": words})
