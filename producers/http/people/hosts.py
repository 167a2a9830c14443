"""Hosts: under which names the gateway answers, and to whose pages.

Without logins whoever reaches loopback may do all, and a browser reaches it for any page: such a
request names another origin, or, by a changed name server, another host. With logins a browser
may send the password that its user has given to us along with another page's request.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Final

from producers.http.errors import detail

_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]{1,255}))(?::[0-9]{1,5})?\Z"
)


class Hosts:
    """The names of one gateway."""

    def __init__(self, *, is_open: bool, names: str) -> None:
        self._is_open = is_open
        self._names = frozenset(name.strip().lower() for name in names.split(",") if name.strip())
        self._is_ours = lru_cache(maxsize=256)(self._look)

    def refuse_strangers(self, host: str, origin: str | None, scheme: str) -> None:
        """Refuse a request to another's name, or of another's page. Raises EarlyError 400 or 403.

        `host` is the header, "" where it is missing.
        """
        if not self._is_ours(host):
            words = "this gateway answers on loopback only."
            if not self._is_open:
                words = "this gateway does not answer to that name."
            raise detail(400, f"Invalid Host header: {words}")
        if origin is None:
            return
        # Who ends TLS before us is no other site, though it may not be named among our proxies:
        # where logins are required only the name counts.
        own = origin == f"{scheme}://{host}" if self._is_open else origin.endswith(f"://{host}")
        if not own:
            raise detail(403, "Requests of other sites' pages are not taken.")

    def _look(self, host: str) -> bool:
        found = _HOST.match(host)
        if found is None:
            return False
        name = (found["six"] or found["name"]).lower()
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return not self._is_open and ("*" in self._names or name in self._names)
        return address.is_loopback or not self._is_open
