"""Addresses: where a request comes from, by which scheme, and whether we answer to there."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from multidict import MultiMapping

from producers.http.people.access import forbidden
from schemas.networks import Network, networks_of
from schemas.settings import Settings

FORWARDED: Final = "X-Forwarded-For"
FORWARDED_SCHEME: Final = "X-Forwarded-Proto"
SCHEMES: Final = frozenset({"http", "https"})
ADDRESS_MAX: Final = 64
IPV6_PREFIX: Final = 64
"""What one subscriber has of IPv6: the pace is that of all its addresses."""

_WITH_PORT: Final = re.compile(
    r"\[([0-9a-fA-F:.]+)\](?::[0-9]{1,5})?"
    r"|((?:::[fF]{4}:(?=[0-9]+\.))?[0-9.]+):[0-9]{1,5}"
)
"""As some proxies write who they forward. IPv6 without brackets has no port, unless it ends as IPv4
does (`::ffff:8.8.8.8:4001`): `::ffff:8:4001` is an address."""


class Addresses:
    """The networks of one gateway's settings."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = networks_of(settings.http_allow)
        self._proxies = networks_of(settings.http_proxies)
        self._is_allowed = lru_cache(maxsize=4096)(self._look)

    def of(self, remote: str, headers: Mapping[str, str]) -> str:
        """Where a request comes from: of what our own proxies forward, the nearest other's."""
        if self._proxies and FORWARDED in headers:
            return self._forwarded(remote, _all(headers, FORWARDED))
        return remote

    def scheme(self, remote: str, headers: Mapping[str, str], own: str) -> str:
        """The scheme that the caller speaks: as a proxy of ours says, else `own`, ours."""
        if self._proxies and FORWARDED_SCHEME in headers and _is_in(remote, self._proxies):
            said = forwarded_scheme(headers)
            return said if said in SCHEMES else own
        return own

    def refuse_strangers(self, address: str) -> None:
        """Refuse an address that we do not answer to. Raises EarlyError 403."""
        if self._allowed and not self._is_allowed(address):
            raise forbidden("Requests from this address are not taken.")

    def _forwarded(self, address: str, header: str) -> str:
        for said in reversed([*header.split(","), address]):
            address = _without_port(said.strip())[:ADDRESS_MAX]
            if not _is_in(address, self._proxies):
                break
        return address

    def _look(self, address: str) -> bool:
        return _is_in(address, self._allowed)


def _without_port(said: str) -> str:
    """The address alone: with the port each connection would be another place."""
    found = _WITH_PORT.fullmatch(said)
    return (found[1] or found[2]) if found else said


def forwarded_scheme(headers: Mapping[str, str]) -> str:
    """What was said last of the scheme in front of us, by whomever; "" where nothing was."""
    if FORWARDED_SCHEME not in headers:
        return ""
    return _all(headers, FORWARDED_SCHEME).rpartition(",")[2].strip().lower()


def _all(headers: Mapping[str, str], name: str) -> str:
    """All lines of a header as one: a proxy may add its own below what a caller has sent."""
    if isinstance(headers, MultiMapping):
        return ",".join(headers.getall(name))
    return headers[name]


def neighbourhood(address: str) -> str:
    """What an address is counted as: IPv6 by its network of 64 bits, IPv4 alone."""
    return _neighbourhood(address) if ":" in address else address


@lru_cache(maxsize=4096)
def _neighbourhood(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, IPV6_PREFIX), strict=False))


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
