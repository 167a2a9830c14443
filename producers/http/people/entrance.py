"""The entrance: what every request passes before its body is read and its handler runs.

It costs next to nothing where no logins are required and none are shown.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog

from producers.http.people import access
from producers.http.people.access import Access
from producers.http.people.credentials import AUTHORIZATION, KEY_HEADER, Credentials
from producers.http.people.hosts import Hosts
from producers.http.people.people import People
from producers.http.people.principal import Principal
from producers.http.people.rights import Rights
from schemas.cloudevents import MAX_ATTRIBUTE
from schemas.settings import Settings

if TYPE_CHECKING:
    from producers.http.route import Route

log: Final = structlog.get_logger(__name__)


class Entrance:
    """The entrance of one gateway."""

    def __init__(self, settings: Settings, people: People) -> None:
        is_open = settings.http_logins == "open"
        self.hosts = Hosts(is_open=is_open, names=settings.http_hosts)
        self.credentials = Credentials(settings, people)
        wanted = settings.http_self_deposits
        self.self_deposits = is_open if wanted is None else wanted

    async def enter(
        self, route: "Route", parts: Mapping[str, Any], headers: Mapping[str, str], address: str
    ) -> Rights:
        """The rights of who asks for a route. Raises EarlyError 401, 403, 429 or 503."""
        who = self.credentials.without
        if route.access is not Access.PUBLIC:
            if AUTHORIZATION in headers or KEY_HEADER in headers:
                who = await self.credentials.of(headers, address)
            self._refuse(route, parts, who)
        return Rights(who, self_deposits=self.self_deposits)

    def _refuse(self, route: "Route", parts: Mapping[str, Any], who: Principal) -> None:
        access.refuse(
            route.access,
            who,
            writes=route.writes,
            wallet=parts[route.wallet_part] if route.wallet_part else None,
            self_deposits=self.self_deposits,
        )

    def leave(self, route: "Route", rights: Rights) -> None:
        """Refuse an answer whose handler has not asked whose it is. Raises EarlyError 403."""
        if route.access is not Access.HANDLER or rights.were_asked:
            return
        who = rights.who
        if not (who.commands_all if route.writes else who.reads_all):
            log.error("a handler has not asked for rights", path=route.path, method=route.method)
            raise access.forbidden()


def own_key(who: Principal, key: str) -> str:
    """An Idempotency-Key as it names a command: what two people call alike are two things."""
    if not who.is_known:
        return key
    own = f"{who.label}:{key}"
    if len(own) <= MAX_ATTRIBUTE:
        return own
    return f"{who.label}:{hashlib.sha256(key.encode()).hexdigest()}"
