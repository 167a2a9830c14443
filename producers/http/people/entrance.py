"""The entrance: what every request passes before its body is read and its handler runs.

It costs next to nothing where no logins are required and none are shown.
"""

import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog

from producers.http.errors import early
from producers.http.people import access, sessions
from producers.http.people.access import Access
from producers.http.people.addresses import Addresses, neighbourhood
from producers.http.people.audit import REFUSED, Noted
from producers.http.people.credentials import AUTHORIZATION, KEY_HEADER, Credentials
from producers.http.people.hosts import Hosts
from producers.http.people.pace import Pace
from producers.http.people.people import People
from producers.http.people.principal import Principal
from producers.http.people.rights import Rights
from schemas.cloudevents import MAX_ATTRIBUTE
from schemas.settings import Settings

if TYPE_CHECKING:
    from producers.http.route import Route

MINUTE: Final = 60.0
USUAL_RATE: Final = 6000
"""Requests a minute, where logins are required and nothing else is said."""

log: Final = structlog.get_logger(__name__)


class Entrance:
    """The entrance of one gateway."""

    def __init__(self, settings: Settings, people: People) -> None:
        is_open = settings.http_logins == "open"
        usual = 0 if is_open else USUAL_RATE
        self.hosts = Hosts(is_open=is_open, names=settings.http_hosts)
        self.addresses = Addresses(settings)
        self.credentials = Credentials(settings, people)
        self._audit = people.audit
        self._pace = _pace(settings.http_rate, usual)
        self._address_pace = _pace(settings.http_address_rate, usual)
        wanted = settings.http_self_deposits
        self.self_deposits = is_open if wanted is None else wanted

    def admit(self, noted: Noted, host: str, headers: Mapping[str, str], scheme: str) -> None:
        """Note where a request comes from, and let it in. Raises EarlyError 400, 403, 429.

        `host` is the one it asks for; "" is none of ours. Who is refused here is counted first:
        each 403 is an entry of the audit log.
        """
        noted.address = self.addresses.of(noted.address, headers)
        self._keep_address_pace(noted.address)
        self.addresses.refuse_strangers(noted.address)
        self.hosts.refuse_strangers(host, headers.get("Origin"), scheme)

    async def enter(
        self, route: "Route", parts: Mapping[str, Any], headers: Mapping[str, str], noted: Noted
    ) -> Rights:
        """The rights of who asks for a route. Raises EarlyError 401, 403, 429 or 503."""
        who = self.credentials.without
        is_shown = AUTHORIZATION in headers or KEY_HEADER in headers
        if route.takes_session and not is_shown and (token := sessions.token_of(headers)):
            headers, is_shown = {AUTHORIZATION: f"Bearer {token}"}, True
        if is_shown and route.access is not Access.PUBLIC:
            who = await self.credentials.of(headers, noted.address)
        noted.rights = rights = Rights(who, self_deposits=self.self_deposits)
        self._keep_own_pace(who)
        self._refuse(route, parts, who)
        if route.writes:
            self._audit.refuse_crowd()
        noted.writes = route.writes
        return rights

    def hear(self, who: Principal, address: str) -> None:
        """Count a message on a socket as a request of its own. Raises EarlyError 429."""
        self._keep_address_pace(address)
        self._keep_own_pace(who)

    def note(self, noted: Noted, status: int) -> None:
        """Log a request that has been answered."""
        if noted.writes or status in REFUSED:
            self._audit.note(noted, status)

    def _keep_address_pace(self, address: str) -> None:
        if self._address_pace is not None:
            _keep_pace(self._address_pace, neighbourhood(address))

    def _keep_own_pace(self, who: Principal) -> None:
        if self._pace is not None and who.is_known:
            _keep_pace(self._pace, who.label)

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


def _pace(wanted: int | None, usual: int) -> Pace | None:
    """The pace that is wanted, else the usual one; none where any number is let through."""
    most = usual if wanted is None else wanted
    return Pace(most, MINUTE) if most else None


def _keep_pace(pace: Pace, name: str) -> None:
    """Count a request. Raises EarlyError 429."""
    wait = pace.take(name, time.monotonic())
    if wait:
        words = f"Request was throttled. Expected available in {wait} second{'s'[: wait != 1]}."
        policy = f'"minute";q={pace.most};w={pace.seconds:.0f}'
        headers = {"Retry-After": str(wait), "RateLimit-Policy": policy}
        raise early(429, {"detail": words}, headers)


def own_key(who: Principal, key: str) -> str:
    """An Idempotency-Key as it names a command: what two people call alike are two things."""
    if not who.is_known:
        return key
    own = f"{who.label}:{key}"
    if len(own) <= MAX_ATTRIBUTE:
        return own
    return f"{who.label}:{hashlib.sha256(key.encode()).hexdigest()}"
