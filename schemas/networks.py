"""Settings that are lists in one line: brokers, networks, and limits by level."""

import ipaddress
import re
from decimal import Decimal, InvalidOperation
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NO_LIMIT: Final = "none"
LEVELS: Final = 10
PORTS: Final = range(1, 65_536)

# As both of Kafka's clients read them: a host alone has port 9092, and a protocol in front is not
# heard or ends the one or the other.
_BROKER: Final = re.compile(r"(?:\[([^\]]*)\]|[^\s\[\]:/@]+)(?::([0-9]{1,5}))?")


def checked_brokers(text: str) -> str:
    """The text, if it is a list of brokers: host, host:port or [IPv6]:port. Raises ValueError."""
    brokers = [each.strip() for each in text.split(",") if each.strip()]
    if not (brokers and all(_is_broker(each) for each in brokers)):
        raise ValueError("no host:port,host:port")
    return text


def _is_broker(text: str) -> bool:
    if _is_ipv6(text):
        return True
    found = _BROKER.fullmatch(text)
    if found is None:
        return False
    address, port = found.groups()
    return (address is None or _is_ipv6(address)) and (port is None or int(port) in PORTS)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def networks_of(text: str) -> tuple[Network, ...]:
    """The networks of "10.0.0.0/8, ::1"; none of an empty text. Raises ValueError."""
    return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip())


def limits_of(text: str) -> dict[int, Decimal | None]:
    """The amounts of "0=1000000, 1=50000000, 2=none" by level. Raises ValueError."""
    found: dict[int, Decimal | None] = {}
    for line in filter(None, (each.strip() for each in text.split(","))):
        level, equals, amount = (part.strip() for part in line.partition("="))
        if not (equals and level.isascii() and level.isdecimal() and int(level) < LEVELS):
            raise ValueError(f"{line!r} is no LEVEL=AMOUNT with a level from 0 to {LEVELS - 1}")
        found[int(level)] = None if amount == NO_LIMIT else _amount(line, amount)
    return found


def _amount(line: str, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{line!r} has no amount") from None
    if not (amount.is_finite() and amount >= 0):
        raise ValueError(f"{line!r} has no amount from 0")
    return amount


def checked_networks(text: str) -> str:
    """The text, if it is a list of networks. Raises ValueError."""
    networks_of(text)
    return text


def checked_limits(text: str) -> str:
    """The text, if it is a list of limits. Raises ValueError."""
    limits_of(text)
    return text
