"""The READMEs' curl examples of services 001 and 004, and what their clients get beyond them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from producers.client import Client
from producers.http.seeds import bodies001, bodies004
from producers.message import Message
from producers.withdrawals import execution, failure, review, settlement
from schemas.settings import Settings
from tests.gateways import GatewayProcess, with_curl
from tests.workers import wait_until

pytestmark = pytest.mark.integration

BEYOND = [
    ("1969-12-31T00:00:00Z", True),
    ("1970-01-01T00:00:00+05:00", True),
    ("0001-01-01T00:00:00", True),
    ("9999-01-01T00:00:00Z", False),
]
"""Moments for which the ledger has no text, and whether they are past."""
LATE = "Ensure this time is before the year 9999."
UNKNOWN = "01930f6e-0000-7000-8000-0000000000ff"


@pytest.fixture(scope="module")
def client(ledger: Settings) -> Iterator[Client]:
    """Stands in for the delayed consumer and the bank caller."""
    with Client(ledger) as made:
        yield made


def soon(seconds: float = 2.0) -> datetime:
    """A moment to come."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def done(client: Client, message: Message) -> None:
    """Have a step of a withdrawal done."""
    result = client.wait(client.send_message(message))
    assert result.status == "completed", result


def due(client: Client, wallet: str, withdrawal: str) -> None:
    """Execute a withdrawal as soon as its time has come."""
    attempts = iter(range(1, 1000))

    def executed() -> bool:
        sent = client.send_message(execution(wallet, withdrawal, next(attempts)))
        return client.wait(sent).status == "completed"

    wait_until(executed, 30, "execution")


def schedule(gateway: GatewayProcess, wallet: str, amount: int) -> tuple[int, str]:
    """Schedule a withdrawal: its number in service 001, its id in the ledger."""
    asked = {"amount": amount, "scheduled_for": soon().isoformat()}
    reply = gateway("POST", f"/wallets/{wallet}/withdraw", asked)
    assert reply.status == 201, reply
    outgoing = gateway.get(f"/api/wallets/{wallet}/")["outgoing_transactions"]
    return reply.json["id"], outgoing[-1]["uuid"]


def is_a(shape: Any, body: Any) -> None:  # noqa: ANN401 - a type, and whatever JSON holds
    """Hold a body against the model that the schema shows, field by field."""
    model = TypeAdapter(shape).validate_python(body, strict=True)
    assert TypeAdapter(shape).dump_python(model) == body


@with_curl
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_examples_of_service_001(gateway: GatewayProcess, slash: str) -> None:
    """As they stand in its README; with and without the slash."""
    wallet = gateway.shell(f"curl -X POST http://localhost:8000/wallets{slash}")
    is_a(bodies001.WalletBody, wallet)
    assert wallet["balance"] == 0
    uuid = wallet["uuid"]
    deposit = gateway.shell(
        f"""curl -X POST http://localhost:8000/wallets/<uuid>/deposit{slash} \\
  -H "Content-Type: application/json" \\
  -d '{{"amount": 10000}}'""",
        uuid=uuid,
    )
    is_a(bodies001.DepositAnswer, deposit)
    assert deposit["wallet"]["balance"] == deposit["transaction"]["amount"] == 10000
    assert deposit["transaction"]["status"] == "COMPLETED"
    withdrawal = gateway.shell(
        f"""curl -X POST http://localhost:8000/wallets/<uuid>/withdraw{slash} \\
  -H "Content-Type: application/json" \\
  -d '{{"amount": 5000, "scheduled_for": "<then>"}}'""",
        uuid=uuid,
        then=soon(3600).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    is_a(bodies001.TransactionBody, withdrawal)
    assert (withdrawal["status"], withdrawal["executed_at"]) == ("PENDING", None)
    late = gateway.shell(
        f"""curl -X POST http://localhost:8000/wallets/<uuid>/withdraw{slash} \\
  -H "Content-Type: application/json" \\
  -d '{{"amount": 5000, "scheduled_for": "2026-02-15T15:00:00Z"}}'""",
        uuid=uuid,
    )
    assert late == {"scheduled_for": ["Scheduled time must be in the future."]}
    assert gateway.get(f"/wallets/{uuid}{slash}") == deposit["wallet"] | {
        "updated_at": withdrawal["created_at"]
    }
    listed = gateway.get(f"/wallets/{uuid}/transactions{slash}")
    assert listed == [withdrawal, deposit["transaction"]]
    one = gateway.get(f"/wallets/{uuid}/transactions/{withdrawal['id']}{slash}")
    assert one == withdrawal


def test_what_becomes_of_a_withdrawal_of_service_001(
    gateway: GatewayProcess, client: Client
) -> None:
    """Every status, what the bank said, and the filters, which ignore case."""
    wallet = gateway.new_wallet("100.00")
    paid, failed, open_, poor = (schedule(gateway, wallet, n) for n in (1000, 2000, 3000, 999999))
    for _, withdrawal in (paid, failed, open_, poor):
        due(client, wallet, withdrawal)
    done(client, settlement(wallet, paid[1]))
    done(client, failure(wallet, failed[1], "no such account"))
    done(client, review(wallet, open_[1], "no answer"))

    by_id = {each["id"]: each for each in gateway.get(f"/wallets/{wallet}/transactions/")}
    is_a(list[bodies001.TransactionBody], list(by_id.values()))
    told = {
        name: (by_id[number]["status"], by_id[number]["third_party_response"])
        for name, (number, _) in {
            "paid": paid,
            "failed": failed,
            "open": open_,
            "poor": poor,
        }.items()
    }
    assert told == {
        "paid": ("COMPLETED", {"data": "success", "status": 200}),
        "failed": ("FAILED", {"error": "no such account"}),
        "open": ("PROCESSING", {"error": "no answer"}),
        "poor": ("FAILED", {"error": "Insufficient balance"}),
    }
    assert len(by_id) == 5
    assert gateway.get(f"/wallets/{wallet}/")["balance"] == 10000 - 1000 - 3000

    def ids(filters: str) -> list[int]:
        return [each["id"] for each in gateway.get(f"/wallets/{wallet}/transactions/?{filters}")]

    assert ids("status=failed") == [poor[0], failed[0]]
    assert ids("status=Completed&type=withdrawal") == [paid[0]]
    assert len(ids("type=DEPOSIT")) == 1
    assert ids("status=nonsense") == ids("type=nonsense") == []
    assert ids(f"before={failed[0]}&type=withdrawal") == [paid[0]]


def test_the_errors_of_service_001(gateway: GatewayProcess) -> None:
    """An unknown wallet is 404, but has no transactions; wrong fields are named."""
    wallet = gateway.new_wallet()
    nobody = {"error": "Wallet not found."}
    when = soon(60).isoformat()
    for method, path, body in (
        ("GET", "/", None),
        ("POST", "/deposit", {"amount": 1}),
        ("POST", "/withdraw", {"amount": 1, "scheduled_for": when}),
    ):
        reply = gateway(method, f"/wallets/{UNKNOWN}{path}", body)
        assert (reply.status, reply.json) == (404, nobody)
    assert gateway.get(f"/wallets/{UNKNOWN}/transactions/") == []
    one = gateway("GET", f"/wallets/{wallet}/transactions/{2**62}/")
    assert (one.status, one.json) == (404, {"error": "Transaction not found."})
    wrong: list[tuple[dict[str, object], dict[str, list[str]]]] = [
        ({}, {"amount": ["This field is required."]}),
        ({"amount": None}, {"amount": ["This field may not be null."]}),
        ({"amount": "ten"}, {"amount": ["A valid integer is required."]}),
        ({"amount": 1.5}, {"amount": ["A valid integer is required."]}),
        ({"amount": True}, {"amount": ["A valid integer is required."]}),
        ({"amount": 0}, {"amount": ["Ensure this value is greater than or equal to 1."]}),
    ]
    for body, said in wrong:
        reply = gateway("POST", f"/wallets/{wallet}/deposit", body)
        assert (reply.status, reply.json) == (400, said)
    reply = gateway("POST", f"/wallets/{wallet}/withdraw", {"amount": 1, "scheduled_for": "soon"})
    assert reply.status == 400
    assert reply.json["scheduled_for"][0].startswith("Datetime has wrong format.")


@pytest.mark.parametrize(("moment", "is_past"), BEYOND)
def test_a_moment_beyond_all_is_named_as_the_service_names_it(
    gateway: GatewayProcess, moment: str, *, is_past: bool
) -> None:
    """The ledger's own field is none of either service."""
    wallet = gateway.new_wallet("10.00")
    for path, name, past in (
        (f"/wallets/{wallet}/withdraw", "scheduled_for", "Scheduled time must be in the future."),
        (f"/api/wallets/{wallet}/withdraw/", "scheduled_time", "Time must be in the future."),
    ):
        reply = gateway("POST", path, {"amount": 1, name: moment})
        assert (reply.status, reply.json) == (400, {name: [past if is_past else LATE]})


@with_curl
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_examples_of_service_004(gateway: GatewayProcess, client: Client, slash: str) -> None:
    """As they stand in its README, in its order; with and without the slash."""
    head = '-H "Content-Type: application/json"'
    opened = gateway.shell(f'curl -X POST "http://localhost/api/wallets{slash}" {head}')
    is_a(bodies004.WalletBody, opened)
    uuid = opened["uuid"]
    assert opened["url"] == f"{gateway.base}/api/wallets/{uuid}/"
    assert (opened["balance"], opened["outgoing_transactions"]) == ("0.00", [])

    deposit = f'curl -X PATCH "http://localhost/api/wallets/<uuid>/deposit{slash}" {head} \\\n'
    richer = gateway.shell(deposit + """ -d '{
           "amount": "100.00"
         }'""", uuid=uuid)  # fmt: skip
    assert richer == opened | {"balance": "100.00", "updated": richer["updated"]}
    wrong = gateway.shell(deposit + """ -d '{"amount": "-50.00"}'""", uuid=uuid)
    assert wrong == {
        "amount": [
            "Positive value required, got -50.00.",
            "Ensure this value is greater than or equal to 0.01.",
        ]
    }

    target = gateway.new_wallet()
    withdraw = f'curl -X POST "http://localhost/api/wallets/<uuid>/withdraw{slash}" {head} \\\n'
    asked = """ -d "{ \\
           \\"amount\\": \\"80.00\\", \\
           \\"target\\": \\"<target>\\", \\
           \\"scheduled_time\\": \\"`date -d +3Seconds -Iseconds`\\" \\
         }" """
    for _ in range(2):
        waiting = gateway.shell(withdraw + asked, uuid=uuid, target=target)
        is_a(bodies004.WalletBody, waiting)
        assert waiting["outgoing_transactions"][-1]["status"] == "PENDING"
    first, second = (each["uuid"] for each in waiting["outgoing_transactions"])
    due(client, uuid, first)
    done(client, settlement(uuid, first))
    due(client, uuid, second)

    found = gateway.shell(f"curl http://localhost/api/wallets/<uuid>{slash}", uuid=uuid)
    told = [(each["status"], each["error_message"]) for each in found["outgoing_transactions"]]
    poor = "['Insufficient funds. Available balance: 20.00. Required amount: 80.00.']"
    assert told == [("SUCCESS", ""), ("FAILED", poor)]
    paid = gateway.get(f"/api/wallets/{target}/")
    assert paid["balance"] == "80.00"
    assert paid["incoming_transactions"] == found["outgoing_transactions"]
    assert gateway.get(f"/wallets/{target}/transactions/")[0]["transaction_type"] == "DEPOSIT"


def test_the_errors_of_service_004(gateway: GatewayProcess) -> None:
    """Each names the field, or tells the whole in `detail`."""
    wallet = gateway.new_wallet("10.00")
    path, later = f"/api/wallets/{wallet}/withdraw/", soon(60).isoformat()
    past = {"amount": "1.00", "scheduled_time": "2020-01-01T00:00:00Z"}
    for body, said in (
        ({"amount": "1.00"}, {"scheduled_time": ["This field is required."]}),
        (past, {"scheduled_time": ["Time must be in the future."]}),
        ({"scheduled_time": later}, {"amount": ["This field is required."]}),
        (
            {"amount": "1.00", "scheduled_time": later, "target": wallet},
            {"target": ["A wallet cannot pay itself."]},
        ),
        (
            {"amount": "1.00", "scheduled_time": later, "target": UNKNOWN},
            {"detail": f"There is no wallet with the id {UNKNOWN} to pay to."},
        ),
        (
            {"amount": "1.001", "scheduled_time": later},
            {"amount": ["Ensure that there are no more than 2 decimal places."]},
        ),
        (
            {"amount": "1" * 37, "scheduled_time": later},
            {"amount": ["Ensure that there are no more than 38 digits in total."]},
        ),
        (
            {"amount": "1", "scheduled_time": later, "delay": "5"},
            {"delay": ["Give either scheduled_time or delay."]},
        ),
    ):
        reply = gateway("POST", path, body)
        assert (reply.status, reply.json) == (400, said)
    nobody = gateway("GET", f"/api/wallets/{UNKNOWN}")
    assert (nobody.status, nobody.json) == (404, {"detail": "No Wallet matches the given query."})


@pytest.mark.parametrize("delay", ["90", 90, "00:01:30", "PT1M30S", "0 00:01:30.000"])
def test_a_delay_instead_of_a_time(gateway: GatewayProcess, delay: object) -> None:
    """In Django's spelling, in ISO's, or in seconds."""
    wallet = gateway.new_wallet()
    asked = {"amount": "5.00", "delay": delay}
    reply = gateway("POST", f"/api/wallets/{wallet}/withdraw/", asked)
    assert reply.status == 201, reply
    (waiting,) = reply.json["outgoing_transactions"]
    begin, end = (datetime.fromisoformat(waiting[n]) for n in ("created", "scheduled_time"))
    assert end - begin == timedelta(seconds=90)
