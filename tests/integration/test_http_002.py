"""Service 002: its README's examples, and what its clients get beyond; receipts over HTTP."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from producers.http.seeds import bodies002
from schemas.settings import Settings
from tests.gateways import GatewayProcess, Reply, served, with_curl
from tests.makers import maker
from tests.people import PASSWORD, basic, new_user
from tests.sellers003 import is_a
from tests.workers import execute, wait_until

pytestmark = pytest.mark.integration


WALLET = "/api/wallet"
WAIT_SECONDS = 60.0


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway of a ledger of its own, whose receipts nobody makes unless a test has them made."""
    folder = tmp_path_factory.mktemp("served")
    with served(new_ledger(receipts=folder / "receipts"), folder) as made:
        yield made


class Person:
    """A user who calls a gateway under the own name."""

    def __init__(self, gateway: GatewayProcess, money: str | None = None) -> None:
        self._gateway = gateway
        made = new_user(gateway)
        self.id, self.name, self.wallet = made["id"], made["username"], made["wallet_id"]
        if money is not None:
            reply = self.post("deposit", {"amount": money})
            assert reply.status == 200, reply

    def post(self, path: str, body: object, **headers: str) -> Reply:
        """Post to a path of the service."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._gateway("POST", f"{WALLET}/{path}/", body, {**basic(self.name), **own})

    def get(self, path: str) -> Reply:
        """Get a path; one of the service's where it does not begin with a slash."""
        whole = path if path.startswith("/") else f"{WALLET}/{path}/"
        return self._gateway("GET", whole, headers=basic(self.name))

    def send(self, to: "Person", amount: str, **headers: str) -> Reply:
        """Send money to another."""
        return self.post("transfer", {"receiver_id": to.id, "amount": amount}, **headers)

    @property
    def balance(self) -> str:
        """What is in the wallet."""
        return str(self.get("balance").json["balance"])

    @property
    def transfers(self) -> list[Any]:
        """The list of transfers."""
        body = self.get("transactions").json
        is_a(bodies002.TransactionsBody, body)
        assert body["count"] == len(body["transactions"])
        return list(body["transactions"])


@pytest.fixture(scope="module")
def poor(gateway: GatewayProcess) -> Person:
    """Somebody who has nothing."""
    return Person(gateway)


@with_curl
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_examples(gateway: GatewayProcess, slash: str) -> None:
    """As they stand in the README, by curl; with and without the slash."""
    john, sara = Person(gateway), Person(gateway)
    head = f'-u "{john.name}:{PASSWORD}" -H "Content-Type: application/json"'
    api = "http://localhost:8000/api/wallet"
    put = gateway.shell(f"""curl -X POST {api}/deposit{slash} {head} -d '{{"amount": "100.00"}}'""")
    assert put == {"message": "Deposit successful", "balance": "100.00"}
    sent = gateway.shell(
        f"""curl -X POST {api}/transfer{slash} {head} -d '{{
    "receiver_id": {sara.id},
    "amount": "50.00"
}}'"""
    )
    is_a(bodies002.TransferBody, sent)
    assert sent == {
        "message": "Transfer successful",
        "transaction_id": sent["transaction_id"],
        "sender_balance": "50.00",
        "amount": "50.00",
        "receiver_id": sara.id,
        "receipt_url": sent["receipt_url"],
    }
    more = f"""-d '{{"receiver_id": {sara.id}, "amount": 51}}'"""
    refused = gateway.shell(f"curl -X POST {api}/transfer{slash} {head} {more}")
    assert refused == {"error": "Insufficient funds"}
    left = gateway.shell(f"curl {api}/balance{slash} {head}")
    assert left == {"user_id": john.id, "username": john.name, "balance": "50.00"}
    (listed,) = gateway.shell(f"curl {api}/transactions{slash} {head}")["transactions"]
    assert listed == {
        "id": sent["transaction_id"],
        "type": "sent",
        "counterparty": sara.name,
        "counterparty_id": sara.id,
        "amount": "50.00",
        "timestamp": listed["timestamp"],
        "receipt_path": None,
    }
    people = gateway.shell(f"curl {api}/users{slash} {head}")["users"]
    assert {"id": sara.id, "username": sara.name} in people


def test_nobody_is_served_who_is_not_known(gateway: GatewayProcess) -> None:
    """Not on loopback either, for nobody could say whose balance is meant."""
    for method, path in (
        ("POST", "transfer"), ("POST", "deposit"), ("GET", "balance"), ("GET", "transactions"),
        ("GET", "users"),
    ):  # fmt: skip
        body = {"amount": "1.00"} if method == "POST" else None
        for headers in ({}, basic("nobody"), {"Authorization": "Basic !"}):
            reply = gateway(method, f"{WALLET}/{path}/", body, headers)
            assert (reply.status, list(reply.json)) == (401, ["detail"])
            assert reply.headers["WWW-Authenticate"].startswith("Basic ")


def test_double_spending_is_prevented(gateway: GatewayProcess) -> None:
    """A hundred dollars, two transfers of a hundred at the same moment: one succeeds."""
    spender, *people = Person(gateway, "100.00"), Person(gateway), Person(gateway)
    with ThreadPoolExecutor(2) as clients:
        replies = list(clients.map(lambda to: spender.send(to, "100.00"), people))
    assert sorted(reply.status for reply in replies) == [200, 400]
    refused = next(reply for reply in replies if reply.status == 400)
    assert refused.json == {"error": "Insufficient funds"}
    assert spender.balance == "0.00"
    assert sorted(each.balance for each in people) == ["0.00", "100.00"]


def test_transfers_both_ways_lose_nothing(gateway: GatewayProcess) -> None:
    """Many at once among a few: no deadlock, no money made."""
    people = [Person(gateway, "100.00") for _ in range(3)]
    pairs = [(people[turn % 3], people[(turn + 1 + turn % 2) % 3]) for turn in range(90)]
    with ThreadPoolExecutor(20) as clients:
        replies = list(clients.map(lambda pair: pair[0].send(pair[1], "7.50"), pairs))
    counted = Counter(reply.status for reply in replies)
    assert set(counted) <= {200, 400}
    assert counted[200] >= 30
    assert sum(float(each.balance) for each in people) == 300
    listed = [each["type"] for person in people for each in person.transfers]
    assert Counter(listed) == {"sent": counted[200], "received": counted[200]}


def test_a_list_tells_both_sides(gateway: GatewayProcess) -> None:
    """The newest first; deposits and what other doors do are no transfers between users."""
    ann, bob = Person(gateway, "10.00"), Person(gateway, "10.00")
    first = ann.send(bob, "1.00").json["transaction_id"]
    second = bob.send(ann, "0.5").json["transaction_id"]
    wallet = gateway.new_wallet()
    key = {"Idempotency-Key": str(uuid.uuid4())}
    away = {"wallet_id": ann.wallet, "to_wallet_id": wallet, "amount": "2.00"}
    assert gateway("POST", "/v1/transfers", away, key).status == 201
    opening, paying = ({"Idempotency-Key": str(uuid.uuid4())} for _ in range(2))
    euro = gateway("POST", "/v1/wallets", {"currency": "EUR"}, opening).json["wallet_id"]
    into = {**away, "to_wallet_id": euro, "to_amount": "0.01"}
    assert gateway("POST", "/v1/exchanges", into, paying).status == 201
    told = [
        (each["id"], each["type"], each["counterparty"], each["amount"]) for each in ann.transfers
    ]
    assert told[1:] == [(second, "received", bob.name, "0.50"), (first, "sent", bob.name, "1.00")]
    assert told[0][1:] == ("sent", wallet, "2.00")
    assert ann.transfers[0]["counterparty_id"] is None
    assert [each["type"] for each in bob.transfers] == ["sent", "received"]
    moments = [datetime.fromisoformat(each["timestamp"]) for each in ann.transfers]
    assert moments == sorted(moments, reverse=True)
    assert (datetime.now(UTC) - moments[-1]).total_seconds() < 600
    assert ann.get(f"{WALLET}/transactions/?before=1").json == {"transactions": [], "count": 0}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, {"receiver_id": ["This field is required."], "amount": ["This field is required."]}),
        (
            {"receiver_id": "x", "amount": "1"},
            {"receiver_id": ["A valid integer is required."]},
        ),
        (
            {"receiver_id": 1, "amount": "0"},
            {"amount": ["Ensure this value is greater than or equal to 0.01."]},
        ),
        (
            {"receiver_id": 1, "amount": "-1.00"},
            {"amount": ["Ensure this value is greater than or equal to 0.01."]},
        ),
        (
            {"receiver_id": 1, "amount": "1.001"},
            {"amount": ["Ensure that there are no more than 2 decimal places."]},
        ),
        ({"receiver_id": 1, "amount": "NaN"}, {"amount": ["A valid number is required."]}),
        ({"receiver_id": 1, "amount": None}, {"amount": ["This field may not be null."]}),
        ({"receiver_id": 0, "amount": "1"}, "Receiver not found"),
        ({"receiver_id": 2**70, "amount": "1"}, "Receiver not found"),
        ({"receiver_id": 10**15, "amount": "1"}, "Receiver not found"),
        (
            [],
            {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]},
        ),
    ],
)
def test_transfers_tell_what_is_wrong(poor: Person, body: Any, error: Any) -> None:  # noqa: ANN401
    """Nested, by field; 400, never 500."""
    reply = poor.post("transfer", body)
    assert (reply.status, reply.json) == (400, {"error": error})


def test_nobody_sends_to_himself(poor: Person) -> None:
    """It would be for nothing."""
    assert poor.send(poor, "1.00").json == {"error": "Cannot transfer to yourself"}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Amount is required"),
        ({"amount": None}, "Amount is required"),
        ({"amount": ""}, "Amount is required"),
        ({"amount": "abc"}, "Invalid amount"),
        ({"amount": []}, "Invalid amount"),
        ({"amount": "1.234"}, "Invalid amount"),
        ({"amount": "1e400"}, "Invalid amount"),
        ({"amount": "Infinity"}, "Invalid amount"),
        ({"amount": "0"}, "Amount must be positive"),
        ({"amount": -5}, "Amount must be positive"),
        ("x", "Invalid amount"),
    ],
)
def test_deposits_tell_what_is_wrong(poor: Person, body: Any, error: str) -> None:  # noqa: ANN401
    """One sentence; 400, never 500."""
    reply = poor.post("deposit", body)
    assert (reply.status, reply.json) == (400, {"error": error})


def test_a_key_moves_money_once(gateway: GatewayProcess) -> None:
    """The first answer again; the same key of somebody else is another."""
    ann, bob = Person(gateway, "10.00"), Person(gateway, "10.00")
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(6) as clients:
        replies = list(clients.map(lambda _: ann.send(bob, "4.00", Idempotency_Key=key), range(6)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert bob.send(ann, "4.00", Idempotency_Key=key).status == 200
    assert (ann.balance, bob.balance) == ("10.00", "10.00")
    assert ann.send(bob, "5.00", Idempotency_Key=key).status == 400
    puts = [ann.post("deposit", {"amount": "1.00"}, Idempotency_Key=f"{key}x") for _ in range(2)]
    assert [put.json["balance"] for put in puts] == ["11.00", "11.00"]


def test_who_is_disabled_since_changes_no_answer(gateway: GatewayProcess) -> None:
    """A transfer that was done is told as done when its key comes again; no other goes there."""
    sara, reza = Person(gateway, "100.00"), Person(gateway)
    key = str(uuid.uuid4())
    first = sara.send(reza, "30.00", Idempotency_Key=key)
    assert first.status == 200
    execute(gateway.settings, "UPDATE users SET is_active = false WHERE id = %s", reza.id)
    again = sara.send(reza, "30.00", Idempotency_Key=key)
    assert (again.status, again.json) == (200, first.json)
    other = sara.send(reza, "30.00", Idempotency_Key=str(uuid.uuid4()))
    assert (other.status, other.json) == (400, {"error": "Receiver not found"})
    assert sara.balance == "70.00"


def test_receipts_are_made_and_shown_to_both_sides(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Not there at once: 404, come again. Then a PDF, and nobody else learns that it is there."""
    ann, bob, eve = Person(gateway, "10.00"), Person(gateway), Person(gateway)
    sent = ann.send(bob, "2.50").json
    path = urlsplit(sent["receipt_url"]).path
    reply = ann.get(path)
    assert (reply.status, reply.headers["Retry-After"]) == (404, "1")
    with maker(gateway.settings, tmp_path) as made:
        wait_until(lambda: ann.get(path).status == 200, WAIT_SECONDS, "a receipt", made)
    moment = datetime.fromisoformat(ann.transfers[0]["timestamp"])
    assert path == f"/media/receipts/receipt_{sent['transaction_id']}_{moment:%Y%m%d_%H%M%S}.pdf"
    for person in (ann, bob):
        shown = person.get(path)
        assert shown.headers["Content-Type"] == "application/pdf"
        assert "private" in shown.headers["Cache-Control"]
        assert shown.body.startswith(b"%PDF-")
        assert shown.body.endswith(b"%%EOF\n")
        assert person.transfers[0]["receipt_path"] == path
    assert (
        gateway("GET", path).status == 200
    )  # whoever reaches loopback, where no login is required
    assert gateway("HEAD", path, headers=basic(bob.name)).status == 200
    stranger = eve.get(path)
    assert (stranger.status, stranger.json) == (404, {"detail": "Not found."})
    assert "Retry-After" not in stranger.headers
    assert gateway("GET", path, headers=basic(ann.name, "wrong")).status == 401
    number = sent["transaction_id"]
    second = f"{moment:%Y%m%d_%H%M%S}"
    for other in (
        f"receipt_{number}_20200101_000000.pdf", f"receipt_{number + 4000}_{second}.pdf",
        f"receipt_{number}_19000101_000000.pdf", f"receipt_{number}_20261399_000000.pdf",
        f"receipt_{'9' * 19}_{second}.pdf", "..%2f..%2fetc%2fpasswd", "x.pdf", "%00", "%2e%2e",
    ):  # fmt: skip
        assert ann.get(f"/media/receipts/{other}").status == 404, other
