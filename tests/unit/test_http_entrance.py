"""The entrance's parts, alone: paces, addresses, hosts, limits by KYC level, keys by person."""

import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest
from multidict import CIMultiDict
from pydantic import ValidationError

from producers.http.console.page import May
from producers.http.errors import EarlyError
from producers.http.people import bearers
from producers.http.people.addresses import Addresses, neighbourhood
from producers.http.people.audit import Noted
from producers.http.people.credentials import Basic, Credentials
from producers.http.people.entrance import Entrance, own_key
from producers.http.people.hosts import Hosts
from producers.http.people.kyc import Kyc
from producers.http.people.memory import Memory
from producers.http.people.pace import NAMES_MAX, Pace
from producers.http.people.people import People
from producers.http.people.principal import OPEN, SCOPES, Principal
from producers.http.people.rights import Rights
from producers.http.people.roles import Role, user_type
from schemas.settings import Settings

SARA = Principal("user", "sara", Role.USER, id=12, wallet_id="w", kyc_level=1)


def noted(remote: str) -> Noted:
    """A request from an address."""
    return Noted("r", "GET", "/", remote)


def test_a_pace_lets_so_many_through_within_its_time() -> None:
    """Whenever they come: in any window of the time at most twice as many, as they come on."""
    pace, drawn, now = Pace(10, 60.0), random.Random(7), 1000.0  # noqa: S311 - no secret
    taken: list[float] = []
    for _ in range(3000):
        now += drawn.choice((0.0, 0.1, 5.0))
        wait = pace.take("sara", now)
        if not wait:
            taken.append(now)
        else:
            assert 0 < wait <= 60
            assert pace.wait("sara", now + wait) == 0
    assert len(taken) <= 10 + (now - 1000.0) / 6
    assert max(sum(start <= each < start + 60 for each in taken) for start in taken) <= 20


def test_a_pace_is_each_names_own() -> None:
    """And 0 counts nothing; those not seen for longest are let go."""
    pace = Pace(2, 60.0)
    assert [pace.take(name, 0.0) for name in ("a", "a", "b", "a")] == [0, 0, 0, 30]
    assert [Pace(0, 60.0).take("a", 0.0) for _ in range(9)] == [0] * 9
    for number in range(NAMES_MAX):
        pace.count(str(number), 0.0)
    assert pace.take("a", 0.0) == 0


@pytest.mark.parametrize(("limit", "count"), [("http_rate", 3), ("http_address_rate", 2)])
def test_a_message_is_paced_as_a_request_is(limit: str, count: int) -> None:
    """By who says it and from where; it counts with the requests."""
    people = SimpleNamespace(audit=None)
    entrance = Entrance(Settings.model_validate({limit: 3}), cast("People", people))
    entrance.admit(noted("9.9.9.9"), "127.0.0.1", {}, "http")
    for _ in range(count):
        entrance.hear(SARA, "9.9.9.9")
    with pytest.raises(EarlyError) as refused:
        entrance.hear(SARA, "9.9.9.9")
    assert refused.value.answer.status == 429
    entrance.hear(SARA if limit == "http_address_rate" else OPEN, "9.9.9.10")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1", "https://evil.example", 403),
        ("evil.example", "http://evil.example", 400),
        ("127.0.0.1", None, 403),
    ],
)
def test_who_is_refused_at_the_door_is_paced_too(
    host: str, origin: str | None, status: int
) -> None:
    """Of another page, under another name, from another network: else it could fill the audit log.

    Each is noted with the address that our proxy tells.
    """
    said = Settings(http_address_rate=3, http_allow="10.0.0.0/8", http_proxies="127.0.0.0/8")
    entrance = Entrance(said, cast("People", SimpleNamespace(audit=None)))
    headers = {"X-Forwarded-For": "9.9.9.9" if origin is None else "10.0.0.1"}
    if origin is not None:
        headers["Origin"] = origin
    told = []
    for _ in range(4):
        asked = noted("127.0.0.1")
        with pytest.raises(EarlyError) as refused:
            entrance.admit(asked, host, headers, "http")
        told.append(refused.value.answer.status)
        assert asked.address == headers["X-Forwarded-For"]
    assert told == [status] * 3 + [429]


def test_a_memory_forgets() -> None:
    """After its time, and the oldest where there are too many."""
    memory: Memory[str, int] = Memory(5.0, 2)
    memory.put("a", 1, 0.0)
    assert memory.get("a", 4.9) == 1
    assert memory.get("a", 5.0) is None
    for name in ("b", "c", "d"):
        memory.put(name, 1, 0.0)
    assert [memory.get(name, 0.0) for name in ("b", "c", "d")] == [None, 1, 1]
    memory.forget("c")
    assert memory.get("c", 0.0) is None


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("9.9.9.9", None, "9.9.9.9"),
        ("9.9.9.9", "1.1.1.1", "9.9.9.9"),
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "6.6.6.6, 8.8.8.8:4001", "8.8.8.8"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1:4001,10.0.0.2:65000", "1.1.1.1"),
        ("10.0.0.1", "[2001:db8::1]:4001", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "[::ffff:10.0.0.2]:80 ", "::ffff:10.0.0.2"),
        ("10.0.0.1", "6.6.6.6, unknown:4001", "unknown:4001"),
        ("10.0.0.1", "6.6.6.6, 8.8.8.8:x", "8.8.8.8:x"),
        ("10.0.0.1", "6.6.6.6, [2001:db8::1", "[2001:db8::1"),
        ("", None, ""),
    ],
)
def test_only_our_proxies_say_where_a_request_comes_from(
    remote: str, forwarded: str | None, address: str
) -> None:
    """And of what they forward, only what they have added."""
    addresses = Addresses(Settings(http_proxies="10.0.0.0/8"))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert addresses.of(remote, headers) == address


def test_what_a_caller_has_sent_itself_is_not_believed() -> None:
    """Though our proxy adds a line of its own below it."""
    addresses = Addresses(Settings(http_proxies="10.0.0.0/8"))
    lines = [("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1")]
    assert addresses.of("10.0.0.1", CIMultiDict(lines)) == "1.1.1.1"


@pytest.mark.parametrize("place", ["8.8.8.8:{}", "::ffff:8.8.8.8:{}", "[2001:db8:0:1::5]:{}"])
def test_connections_of_one_place_are_paced_together(place: str) -> None:
    """Also where a proxy writes the port of each, as Azure's Application Gateway does."""
    allowed = "8.8.8.8,2001:db8::/32"
    said = Settings(http_address_rate=3, http_allow=allowed, http_proxies="10.0.0.1")
    entrance = Entrance(said, cast("People", SimpleNamespace(audit=None)))
    *some, last = ({"X-Forwarded-For": place.format(port)} for port in range(4001, 4005))
    for headers in some:
        entrance.admit(noted("10.0.0.1"), "127.0.0.1", headers, "http")
    with pytest.raises(EarlyError) as refused:
        entrance.admit(noted("10.0.0.1"), "127.0.0.1", last, "http")
    assert refused.value.answer.status == 429


@pytest.mark.parametrize(
    ("remote", "lines", "scheme"),
    [
        ("10.0.0.1", [], "http"),
        ("10.0.0.1", ["https"], "https"),
        ("::ffff:10.0.0.1", ["HTTPS "], "https"),
        ("9.9.9.9", ["https"], "http"),
        ("10.0.0.1", ["https", "http"], "http"),
        ("10.0.0.1", ["http, https"], "https"),
        ("10.0.0.1", ["ftp"], "http"),
        ("", ["https"], "http"),
    ],
)
def test_only_our_proxies_say_which_scheme_is_spoken(
    remote: str, lines: list[str], scheme: str
) -> None:
    """And of what they forward, only what the nearest has said."""
    addresses = Addresses(Settings(http_proxies="10.0.0.0/8"))
    headers = CIMultiDict(("X-Forwarded-Proto", line) for line in lines)
    assert addresses.scheme(remote, headers, "http") == scheme
    assert Addresses(Settings()).scheme(remote, headers, "http") == "http"


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("::1", True), ("9.9.9.9", False), ("", False)],
)
def test_only_networks_of_the_list_are_answered(address: str, is_taken: bool) -> None:  # noqa: FBT001
    """Others get 403."""
    addresses = Addresses(Settings(http_allow="10.0.0.0/8, ::1"))
    if is_taken:
        addresses.refuse_strangers(address)
        return
    with pytest.raises(EarlyError) as refused:
        addresses.refuse_strangers(address)
    assert refused.value.answer.status == 403


def test_addresses_of_one_subscriber_are_counted_together() -> None:
    """Of IPv6 the network, of IPv4 each."""
    assert neighbourhood("2001:db8:0:1::5") == neighbourhood("2001:db8:0:1:ffff::1")
    assert neighbourhood("2001:db8:0:1::5") != neighbourhood("2001:db8:0:2::5")
    assert neighbourhood("::ffff:1.2.3.4") == neighbourhood("1.2.3.4") == "1.2.3.4"


class Nobody:
    """People among whom nobody has any name, key or token."""

    async def by_password(self, *_: object) -> None:
        """As People."""

    async def by_bearer(self, *_: object) -> None:
        """As People."""


@pytest.mark.parametrize(
    ("way", "tries"), [("form", 3), ("basic", 3), ("token", 3), ("bearer", 30), ("key", 30)]
)
async def test_guesses_from_addresses_of_one_subscriber_are_counted_together(
    way: str, tries: int
) -> None:
    """Whatever is guessed, and whichever address of the network shows it."""
    credentials = Credentials(Settings(http_failed_logins=3), cast("People", Nobody()))
    shown = {"bearer": {"Authorization": "Bearer wst_no"}, "key": {"X-API-Key": "wsk_no"}}
    headers = shown.get(way, {"Authorization": "Basic c2FyYTpubw=="})

    def by_headers(address: str) -> Awaitable[Principal]:
        return credentials.of(headers, address)

    ways: dict[str, Callable[[str], Awaitable[Principal]]] = {
        "form": lambda address: credentials.log_in(Basic("sara", "no"), address),
        "token": lambda address: credentials.of_basic(headers, address),
    }
    ask = ways.get(way, by_headers)
    told = []
    for number in range(tries + 1):
        with pytest.raises(EarlyError) as refused:
            await ask(f"2001:db8:0:1::{number:x}")
        told.append(refused.value.answer.status)
    assert told == [401] * tries + [429]
    with pytest.raises(EarlyError) as refused:
        await credentials.of(headers, "2001:db8:0:2::1")
    assert refused.value.answer.status == 401, "another subscriber"


@pytest.mark.parametrize(
    ("is_open", "names", "host", "origin", "status"),
    [
        (True, "", "127.0.0.1:8001", None, 0),
        (True, "", "localhost", "http://localhost", 0),
        (True, "", "bank.example", None, 400),
        (True, "bank.example", "bank.example", None, 400),
        (True, "", "10.0.0.1", None, 400),
        (True, "", "localhost", "https://localhost", 403),
        (True, "", "localhost", "http://evil.example", 403),
        (False, "", "10.0.0.1", None, 0),
        (False, "", "bank.example", None, 400),
        (False, "pay.example, Bank.example", "bank.EXAMPLE:443", None, 0),
        (False, "*", "any.example", None, 0),
        (False, "*", "a b", None, 400),
        (False, "*", "", None, 400),
        (False, "bank.example", "bank.example", "https://bank.example", 0),
        (False, "bank.example", "bank.example", "https://evil.bank.example", 403),
        (False, "bank.example", "bank.example", "null", 403),
    ],
)
def test_hosts_and_origins(
    is_open: bool,  # noqa: FBT001 - a parameter of the test
    names: str,
    host: str,
    origin: str | None,
    status: int,
) -> None:
    """On loopback the names of loopback, elsewhere those that were set; no other site's page."""
    hosts = Hosts(is_open=is_open, names=names)
    if not status:
        hosts.refuse_strangers(host, origin, "http")
        return
    with pytest.raises(EarlyError) as refused:
        hosts.refuse_strangers(host, origin, "http")
    assert refused.value.answer.status == status


@pytest.mark.parametrize(
    ("role", "scopes", "may"),
    [
        (Role.ADMIN, SCOPES, True),
        (Role.ADMIN, ("admin",), True),
        (Role.ADMIN, ("read", "write"), False),
        (Role.SERVICE, SCOPES, False),
    ],
)
def test_who_administers_has_the_role_and_the_scope(
    role: Role,
    scopes: tuple[str, ...],
    may: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The console offers it to the same people."""
    key = Principal("key", "till", role, id=3, scopes=frozenset(scopes))
    rights = Rights(key, self_deposits=False)
    assert May.of(key).administer == may
    if may:
        rights.administer()
        return
    with pytest.raises(EarlyError) as refused:
        rights.administer()
    assert (refused.value.answer.status, rights.were_asked) == (403, True)


def test_a_level_without_a_limit_has_the_next_lower_ones() -> None:
    """Or the lowest; `none` lifts it; without a setting there is none."""
    kyc = Kyc("1=50, 3=700.5, 5=none")
    limits = [Decimal(50), Decimal(50), Decimal(50), Decimal("700.5"), Decimal("700.5"), None, None]
    assert [kyc.limit(level) for level in range(7)] == limits
    assert Kyc("").limit(0) is None


@pytest.mark.parametrize(
    ("who", "kind", "amount", "is_refused"),
    [
        (SARA, "transfer.v1", "50.00", False),
        (SARA, "transfer.v1", "50.01", True),
        (SARA, "charge_sale.v1", "51", True),
        (SARA, "withdrawal.schedule.v1", "1e3", True),
        (SARA, "deposit.v1", "51", False),
        (SARA, "transfer.v1", "many", False),
        (OPEN, "transfer.v1", "51", False),
    ],
)
def test_people_move_as_much_as_their_level_allows(
    who: Principal, kind: str, amount: str, *, is_refused: bool
) -> None:
    """The limit itself too; what is no amount the ledger refuses."""
    kyc = Kyc("1=50")
    if not is_refused:
        kyc.refuse(who, kind, {"amount": amount})
        return
    with pytest.raises(EarlyError) as refused:
        kyc.refuse(who, kind, {"amount": amount})
    body = refused.value.answer.body
    assert isinstance(body, dict)
    assert refused.value.answer.status == 403
    assert (body["code"], body["limit"], body["level"]) == ("kyc_limit_exceeded", "50", "1")


@pytest.mark.parametrize(
    "said",
    [
        {"http_allow": "10.0.0.1/8"},
        {"http_proxies": "proxy.example"},
        {"kyc_limits": "1"},
        {"kyc_limits": "10=5"},
        {"kyc_limits": "1=-5"},
        {"kyc_limits": "1=NaN"},
        {"http_logins": "maybe"},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(said: dict[str, str]) -> None:
    """Before anything starts."""
    with pytest.raises(ValidationError, match=next(iter(said))):
        Settings.model_validate(said)


def test_what_two_people_call_alike_are_two_things() -> None:
    """A key that is too long with its person in front is hashed; without a person it stays."""
    assert own_key(OPEN, "k") == "k"
    assert own_key(SARA, "k") == "user:12:k"
    longest = own_key(SARA, "k" * 255)
    assert longest.startswith("user:12:")
    assert len(longest) <= 256
    assert longest != own_key(SARA, "l" * 255)


def test_keys_and_tokens_are_told_apart_and_never_drawn_twice() -> None:
    """By how they begin."""
    keys, tokens = ({make() for _ in range(99)} for make in (bearers.new_key, bearers.new_token))
    assert len(keys | tokens) == 198
    assert all(each.startswith("wsk_") for each in keys)
    assert all(each.startswith("wst_") for each in tokens)
    assert all(len(each) <= bearers.LONGEST for each in keys | tokens)


def test_types_are_those_of_service_000() -> None:
    """Roles that it does not have are users there."""
    assert {role.value: user_type(role) for role in Role} == {
        "admin": 0, "seller": 1, "user": 3, "service": 3, "auditor": 3,
    }  # fmt: skip
