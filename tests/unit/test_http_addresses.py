"""Addresses: what a proxy writes of whom it forwards, with a port or without."""

import pytest

from producers.http.people.addresses import FORWARDED, Addresses
from schemas.settings import Settings


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("6.6.6.6, ::ffff:8.8.8.8:4001", "::ffff:8.8.8.8"),
        ("6.6.6.6, ::FFFF:10.0.0.2:65000", "6.6.6.6"),
        ("::ffff:8.8.8.8", "::ffff:8.8.8.8"),
        ("::ffff:8:4001", "::ffff:8:4001"),
        ("::ffff:808:808:4001", "::ffff:808:808:4001"),
        ("::ffff::4001", "::ffff::4001"),
        ("2001:db8::8:4001", "2001:db8::8:4001"),
        ("::fffg:8.8.8.8:4001", "::fffg:8.8.8.8:4001"),
        ("::ffff:8.8.8.8:400100", "::ffff:8.8.8.8:400100"),
        ("::ffff:8.8.8.8:4001:", "::ffff:8.8.8.8:4001:"),
    ],
)
def test_ipv4_within_ipv6_has_a_port_and_ipv6_has_none(said: str, address: str) -> None:
    """Without brackets only what ends as IPv4 does can have one; the rest stays as it is."""
    addresses = Addresses(Settings(http_proxies="10.0.0.0/8"))
    assert addresses.of("10.0.0.1", {FORWARDED: said}) == address
