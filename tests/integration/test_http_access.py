"""The authorization matrix: every route, asked by everybody, where logins are required."""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest.mock import ANY
from urllib.parse import quote, urlsplit

import pytest

from producers.http.route import Route
from producers.http.routes import ROUTES
from producers.message import uuid7
from schemas.settings import Settings
from tests.access_rights import GRANTS
from tests.gateways import JSON, GatewayProcess, served
from tests.people import basic, make_root, of_role
from tests.sellers003 import profile
from tests.workers import rows, wait_until

pytestmark = pytest.mark.integration

ROLES = {"o": "seller", "s": "user", "v": "service", "u": "auditor", "a": "admin"}
RECEIVER = "09990000001"
SECONDS = 30.0


class World:
    """A gateway, its people by letter, and what `o` owns: the parts of all paths."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        self.root = make_root(gateway)
        self.people: dict[str, dict[str, str]] = {"n": {}}
        self.parts: dict[str, object] = {
            "package": "redoc",
            "file": "redoc.standalone.js",
            "name": "receipt_1_20260101_000000.pdf",
        }
        self._make_owner()
        self._make_things()
        for letter, role in ROLES.items():
            if letter != "o":
                self.people[letter] = self._person(role)

    def _person(self, role: str, **more: str) -> dict[str, str]:
        made = of_role(self.gateway, role, self.root, **more)
        if more:
            self.parts |= {"user": made["id"], "phone": made["phone_number"]}
        return basic(made["username"])

    def _make_owner(self) -> None:
        """A seller of service 003, who is a user too."""
        self.parts["seller"] = self._post("/api/sellers/", profile())["id"]
        query = "SELECT wallet_id FROM sellers WHERE number = %s"
        with rows(self.gateway.settings, query, self.parts["seller"]) as found:
            self.wallet = str(found[0][0])
        self.people["o"] = self._person("seller", wallet_id=self.wallet)
        self.parts |= {"uuid": self.wallet, "wallet_id": self.wallet}
        self.parts["target"] = self._post("/wallets", {})["uuid"]

    def _make_things(self) -> None:
        """Money, a transaction, a withdrawal, a credit request, a result."""
        own = {"wallet_id": self.wallet}
        deposited = self._post("/v1/deposits", {**own, "amount": "900000.00"})
        self.parts["transaction_id"] = deposited["transaction_id"]
        command = deposited["command"]
        self.parts |= {"command_id": command["id"], "source": command["source"]}
        later = {**own, "amount": "1.00", "delay": 100_000}
        self.parts["withdrawal_id"] = self._post("/v1/withdrawals", later)["withdrawal_id"]
        wanted = self._post("/v1/credit-requests", {**own, "amount": "1.00"})
        self.parts["credit_request_id"] = wanted["credit_request_id"]
        self.parts["number"] = wanted["number"]

    def _post(self, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        reply = self.gateway("POST", path, body, {**self.root, "Idempotency-Key": uuid7()})
        assert reply.status in {200, 201}, reply
        return reply.json

    def status(self, route: Route, who: Mapping[str, str]) -> int:
        """What a route is answered with: the status only, for some answers never end."""
        address = urlsplit(self.gateway.base).netloc
        connection = http.client.HTTPConnection(address, timeout=SECONDS)
        body = json.dumps(self._body(route)) if route.method != "GET" else None
        headers = {**JSON, **who, "Idempotency-Key": uuid7()}
        try:
            connection.request(route.method, self._path(route), body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _path(self, route: Route) -> str:
        """The path to what `o` owns."""
        known = {**self.parts, "id": self._id(route.path)}
        path = route.plain_path.format(**{name: quote(str(each)) for name, each in known.items()})
        return path + QUERIES.get(name_of(route), "").format(**known)

    def _id(self, path: str) -> object:
        for start, name in (("/api/sellers", "seller"), ("/api/users", "user")):
            if path.startswith(start):
                return self.parts[name]
        if path.startswith("/api/credit-requests"):
            return self.parts["number"]
        return 109120000001

    def _body(self, route: Route) -> object:
        """What `o` may ask for; nothing where the route itself says who may."""
        said = BODIES.get(name_of(route), {})
        return {
            name: self.parts.get(text[1:-1], text) if isinstance(text, str) else text
            for name, text in said.items()
        }


QUERIES = {
    "GET /api/credit-requests": "?seller={seller}",
    "GET /api/transactions": "?seller_id={seller}",
    "GET /v1/withdrawals": "?wallet_id={wallet_id}",
    "GET /v1/credit-requests": "?wallet_id={wallet_id}",
    "GET /v1/transactions": "?wallet_id={wallet_id}",
    "GET /v1/results/{command_id}": "?source={source}",
}

BODIES: dict[str, dict[str, object]] = {
    "POST /api/wallet/credit_request": {
        "seller_phone_number": "{phone}", "amount": "1000.00",
    },
    "POST /api/wallet/charge_sale": {
        "seller_phone_number": "{phone}", "receiver_phone_number": RECEIVER, "amount": "1000.00",
    },
    "POST /api/wallet/deposit": {"amount": "1.00"},
    "POST /api/credit-requests": {"seller": "{seller}", "amount": "1.00"},
    "POST /api/charge-sales": {
        "seller_id": "{seller}", "phone_number": "09123456789", "amount": "1.00",
    },
    "POST /v1/deposits": {"wallet_id": "{wallet_id}", "amount": "1.00"},
    "POST /v1/transfers": {
        "wallet_id": "{wallet_id}", "to_wallet_id": "{target}", "amount": "1.00",
    },
    "POST /v1/exchanges": {
        "wallet_id": "{wallet_id}", "to_wallet_id": "{target}", "amount": "1.00", "to_amount": "1",
    },
    "POST /v1/charge-sales": {
        "wallet_id": "{wallet_id}", "phone_number": "09123456789", "amount": "1.00",
    },
    "POST /v1/withdrawals": {"wallet_id": "{wallet_id}", "amount": "1.00", "delay": 100_000},
    "POST /v1/credit-requests": {"wallet_id": "{wallet_id}", "amount": "1.00"},
}  # fmt: skip


def name_of(route: Route) -> str:
    """A route as the table of rights names it."""
    return f"{route.method} {route.plain_path}"


@pytest.fixture(scope="module")
def world(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Where logins are required and nobody deposits to himself."""
    ledger = new_ledger(http_logins="required", http_rate=0, http_address_rate=0)
    with served(ledger, tmp_path_factory.mktemp("served")) as gateway:
        yield World(gateway)


@pytest.fixture(scope="module")
def narrow(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Another gateway of it: on all networks, behind a proxy, for some addresses, with limits."""
    limits = {"http_rate": 6, "http_address_rate": 9, "kyc_limits": "0=10"}
    networks = {"http_proxies": "127.0.0.0/8", "http_allow": "1.0.0.0/8", "http_host": "0.0.0.0"}  # noqa: S104
    settings = world.gateway.settings.model_copy(update=limits | networks)
    with GatewayProcess(settings, tmp_path_factory.mktemp("narrow") / "log") as made:
        yield made
    assert "Traceback" not in made.said


def test_every_route_is_in_the_table_of_rights() -> None:
    """Somebody has thought about who may use it."""
    assert {name_of(route) for route in ROUTES} == set(GRANTS)


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_who_may_use_a_route(world: World, route: Route) -> None:
    """Whoever may is not refused for rights; all others are, who says nothing with 401."""
    found = {letter: world.status(route, who) for letter, who in world.people.items()}
    assert 500 not in found.values()
    may = "".join(letter for letter, status in found.items() if status not in {401, 403})
    assert sorted(may) == sorted(GRANTS[name_of(route)]), found
    assert (found["n"] == 401) == ("n" not in GRANTS[name_of(route)])


def test_who_did_what_is_logged_for_ever(world: World) -> None:
    """With the ids of the commands; what was refused too; nobody changes a line of it."""
    who = world.people["s"]
    me = world.gateway("GET", "/api/users/me", headers=who).json
    wallet, request = me["wallet_id"], f"r-{uuid7()}"
    path = f"/wallets/{wallet}/withdraw"
    said = {"amount": 1, "scheduled_for": "2090-01-01T00:00:00Z"}
    world.gateway("POST", path, said, {**who, "X-Request-ID": request, "Idempotency-Key": "k"})
    world.gateway("GET", f"/wallets/{world.wallet}", headers=who)
    query = f"/v1/audit?principal=user:{me['id']}&limit=2"

    def logged() -> Any:  # noqa: ANN401 - JSON
        return world.gateway("GET", query, headers=world.people["u"]).json["data"]

    wait_until(lambda: logged() and logged()[0]["path"] == f"/wallets/{world.wallet}", SECONDS, "x")
    refused, done = logged()
    assert (refused["status"], refused["method"], refused["role"]) == (403, "GET", "user")
    assert (done["path"], done["request_id"], done["user_id"]) == (path, request, me["id"])
    assert done["command_ids"] == [f"user:{me['id']}:k"]
    assert done["address"] == "127.0.0.1"
    page = world.gateway("GET", f"{query}&limit=1".replace("limit=2&", ""), headers=world.root)
    following = page.json["next_cursor"]
    older = world.gateway("GET", f"{query}&cursor={following}", headers=world.root).json["data"]
    assert done in older


def test_only_listed_networks_are_answered(narrow: GatewayProcess) -> None:
    """As our proxy says where a request comes from; nobody else is believed."""
    for forwarded, status in (("1.0.0.1", 200), ("9.9.9.9", 403), ("1.0.0.1, 9.9.9.9", 403)):
        reply = narrow("GET", "/healthz", headers={"X-Forwarded-For": forwarded})
        assert reply.status == status, forwarded
    assert narrow("GET", "/healthz").status == 403


def test_too_many_requests_have_to_wait(narrow: GatewayProcess, world: World) -> None:
    """Of one person, from wherever; and from one address, whoever asks."""
    mine = [
        narrow("GET", "/api/users/me", headers={**world.people["u"], "X-Forwarded-For": address})
        for address in ("1.0.1.1", "1.0.1.2", "1.0.1.3", "1.0.1.4", "1.0.1.5", "1.0.1.6", "1.0.1.7")
    ]
    assert [reply.status for reply in mine] == [200] * 6 + [429]
    assert 0 < int(mine[-1].headers["Retry-After"]) <= 60
    here = {"X-Forwarded-For": "1.0.2.1"}
    assert narrow("GET", "/api/users/me", headers={**world.people["v"], **here}).status == 200
    others = [narrow("GET", "/nowhere", headers=here).status for _ in range(9)]
    assert others == [404] * 8 + [429]


def test_people_move_what_their_kyc_level_allows(narrow: GatewayProcess, world: World) -> None:
    """By all doors, with the numbers; what is commanded for them is not limited."""
    here = {**world.people["o"], "X-Forwarded-For": "1.0.3.1", "Idempotency-Key": uuid7()}
    later = {"amount": 1001, "scheduled_for": "2090-01-01T00:00:00Z"}
    refused = narrow("POST", f"/wallets/{world.wallet}/withdraw", later, here)
    assert (refused.status, refused.json["code"]) == (403, "kyc_limit_exceeded")
    body = {"wallet_id": world.wallet, "phone_number": "09123456789", "amount": "10.01"}
    problem = narrow("POST", "/v1/charge-sales", body, here)
    assert (problem.status, problem.json["code"]) == (403, "kyc_limit_exceeded")
    assert problem.json["context"] == {"level": "0", "limit": "10", "required": "10.01"}
    assert narrow("POST", "/v1/charge-sales?dry_run=true", body, here).status == 403
    assert narrow("POST", "/v1/charge-sales", {**body, "amount": "10.00"}, here).status == 201
    before = {**world.people["o"], "Idempotency-Key": uuid7()}
    first = world.gateway("POST", "/v1/charge-sales", body, before)
    again = narrow("POST", "/v1/charge-sales", body, {**here, **before})
    assert (first.status, again.status, again.json) == (201, 201, first.json | {"url": ANY})
    assert again.headers["Idempotency-Replayed"] == "true"
    service = {**here, **world.people["v"], "Idempotency-Key": uuid7()}
    assert narrow("POST", "/v1/charge-sales", body, service).status == 201
