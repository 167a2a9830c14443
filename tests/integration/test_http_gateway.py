"""The gateway itself: whatever it is sent it answers, nothing is done twice, nothing is lost."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from schemas.settings import Settings
from tests.gateways import COMMAND, GatewayProcess, Reply
from tests.workers import Workers, environment, wait_until

pytestmark = pytest.mark.integration

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
OTHER = "01930f6e-0000-7000-8000-0000000000ff"
WHEN = b'"scheduled_for": "2027-01-01T00:00:00Z"'

HOSTILE: dict[str, tuple[str, bytes, int]] = {
    "no JSON": (JSON, b"{", 400),
    "nothing but spaces": (JSON, b"   ", 400),
    "not UTF-8": (JSON, b'{"amount": "\xff"}', 400),
    "UTF-16": (JSON, '{"amount": 1}'.encode("utf-16"), 400),
    "NaN": (JSON, b'{"amount": NaN}', 400),
    "NaN as a text": (JSON, b'{"amount": "NaN"}', 400),
    "Infinity": (JSON, b'{"amount": -Infinity}', 400),
    "Infinity as a text": (JSON, b'{"amount": "Infinity"}', 400),
    "1e400": (JSON, b'{"amount": 1e400}', 400),
    "1e999999999": (JSON, b'{"amount": 1e999999999}', 400),
    "1e99999999999999999999": (JSON, b'{"amount": "1e99999999999999999999"}', 400),
    "1e-999999": (JSON, b'{"amount": 1e-9999}', 400),
    "5,000 digits": (JSON, b'{"amount": %s}' % (b"9" * 5000), 400),
    "5,000 digits as a text": (JSON, b'{"amount": "%s"}' % (b"9" * 5000), 400),
    "39 digits": (JSON, b'{"amount": %s}' % (b"9" * 39), 400),
    "other digits": (JSON, '{"amount": "١٢٣"}'.encode(), 400),
    "underscores": (JSON, b'{"amount": "1_000"}', 400),
    "deep": (JSON, b'{"amount": %s1%s}' % (b"[" * 30_000, b"]" * 30_000), 400),
    "deep, unclosed": (JSON, b'{"a":' * 10_000, 400),
    "an array": (JSON, b'[{"amount": 1}]', 400),
    "a text": (JSON, b'"amount"', 400),
    "null": (JSON, b"null", 400),
    "a number": (JSON, b"1.5", 400),
    "an object as an amount": (JSON, b'{"amount": {"$gt": 0}}', 400),
    "a list as an amount": (JSON, b'{"amount": [1]}', 400),
    "twice the same name": (JSON, b'{"amount": 1, "amount": 2}', 400),
    "NUL": (JSON, b'{"amount": 1, "note": "\\u0000"}', 400),
    "NUL in a name": (JSON, b'{"amount": 1, "\\u0000": 1}', 400),
    "half a character": (JSON, b'{"amount": 1, "note": "\\ud800"}', 400),
    "no type": ("", b'{"amount": 1}', 415),
    "plain text": ("text/plain", b'{"amount": 1}', 415),
    "XML": ("application/xml", b"<amount>1</amount>", 415),
    "a broken form": (FORM, b"amount=%ff", 400),
    "a form with NUL": (FORM, b"amount=1&note=%00", 400),
    "a form of 101 fields": (FORM, b"&".join([b"amount=1"] * 101), 400),
    "10 MB": (JSON, b'{"amount": "%s"}' % (b"1" * 10_000_000), 413),
}


@pytest.fixture
def alone(new_ledger: Callable[..., Settings], tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway of a ledger on which no worker works; it waits for one second, one at a time."""
    made = new_ledger(http_timeout=1.0, http_waiting_max=1)
    with GatewayProcess(made, tmp_path / "gateway.log") as gateway:
        yield gateway


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/wallets/ID/deposit", "/wallets/ID/withdraw", "/api/wallets/ID"])
def test_a_hostile_body_is_refused(gateway: GatewayProcess, name: str, path: str) -> None:
    """By all that take an amount, in JSON, with the wallet as it was."""
    wallet = _wallet(gateway)
    kind, body, status = HOSTILE[name]
    method, place = ("PATCH", f"{path}/deposit/") if path.startswith("/api") else ("POST", path)
    if path.endswith("withdraw") and body.startswith(b'{"amount"'):
        body = body.replace(b"{", b"{" + WHEN + b", ", 1)
    reply = gateway(method, place.replace("ID", wallet), body, {"Content-Type": kind})
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == JSON
    assert reply.headers["X-Request-ID"]
    assert isinstance(reply.json, dict)
    assert gateway.get(f"/wallets/{wallet}")["balance"] == 0


def _wallet(gateway: GatewayProcess) -> str:
    """A wallet without money; the same for all who only want to see that it stays so."""
    reply = gateway("POST", "/wallets/", headers={"Idempotency-Key": "the empty wallet"})
    assert reply.status == 201, reply
    return str(reply.json["uuid"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/wallets/not-a-uuid/", 404),
        ("GET", "/wallets/%00/", 404),
        ("GET", "/wallets/..%2f..%2fetc%2fpasswd/", 404),
        ("GET", "/wallets/01930f6e-0000-7000-8000-0000000000ff%0a/", 404),
        ("GET", "/wallets/ID/transactions/0/", 404),
        ("GET", "/wallets/ID/transactions/-1/", 404),
        ("GET", "/wallets/ID/transactions/abc/", 404),
        ("GET", f"/wallets/ID/transactions/{2**63}/", 404),
        ("GET", f"/wallets/ID/transactions/{'9' * 5000}/", 404),
        ("GET", "/wallets/ID/transactions/?status=%00", 400),
        ("GET", "/wallets/ID/transactions/?type=" + "x" * 500, 400),
        ("GET", "/wallets/ID/transactions/?before=abc", 400),
        ("GET", f"/wallets/ID/transactions/?before={2**64}", 400),
        ("GET", "/wallets/ID/transactions/?before=-1", 400),
        ("GET", "/v1/results/x?source=%00", 400),
        ("GET", "/v1/results/%00?source=x", 404),
        ("GET", "/v1/results/x", 400),
        ("GET", "/v1/results/x?source=y", 404),
        ("DELETE", "/wallets/ID/", 405),
        ("PUT", "/api/wallets/ID/deposit/", 405),
        ("GET", "/wallets/", 405),
        ("PROPFIND", "/wallets/", 405),
    ],
)
def test_a_hostile_address_is_refused(
    gateway: GatewayProcess, method: str, path: str, status: int
) -> None:
    """Nothing there is 404, another method 405 with those that would do, a wrong filter 400."""
    reply = gateway(method, path.replace("ID", _wallet(gateway)))
    assert reply.status == status, reply
    assert isinstance(reply.json, dict)
    assert ("Allow" in reply.headers) == (status == 405)


def test_a_text_that_is_no_status_finds_nothing(gateway: GatewayProcess) -> None:
    """Filters are no reason for an error, whatever letters they are of."""
    for status in ("%F0%9F%92%B0", "%ff%fe", "'%20OR%201=1--", "%C4%B1"):
        path = f"/wallets/{_wallet(gateway)}/transactions/?status={status}"
        assert gateway.get(path) == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "bank.example"}, 400),
        ({"Host": "127.0.0.1.bank.example"}, 400),
        ({"Host": "bank@127.0.0.1"}, 400),
        ({"Host": "["}, 400),
        ({"Host": "[::1%25eth0]"}, 400),
        ({"Host": ""}, 400),
        ({"Origin": "https://bank.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Idempotency-Key": ""}, 400),
        ({"Idempotency-Key": "x" * 256}, 400),
        ({"Idempotency-Key": "\xe9"}, 400),
        ({"X-Request-ID": "two words"}, 201),
        ({"Host": "localhost:80"}, 201),
        ({"Host": "[::1]:8001"}, 201),
    ],
)
def test_headers_of_strangers(
    gateway: GatewayProcess, headers: dict[str, str], status: int
) -> None:
    """A page of another site, and a name that leads here by trickery, get nothing done."""
    assert gateway("POST", "/wallets/", headers=headers).status == status


def test_a_form_will_do(gateway: GatewayProcess) -> None:
    """As with Django REST: what `curl -d amount=5` sends."""
    wallet = gateway.new_wallet()
    reply = gateway("POST", f"/wallets/{wallet}/deposit", b"amount=5", {"Content-Type": FORM})
    assert (reply.status, reply.json["wallet"]["balance"]) == (200, 5)


def test_the_bare_address_leads_to_all_pages(gateway: GatewayProcess) -> None:
    """Whoever opens it in a browser finds descriptions, messages, errors and the console."""
    told = gateway("GET", "/")
    assert told.status == 200
    assert set(told.json) == {
        *("description", "swagger_ui", "redoc", "messages", "errors", "console", "health")
    }
    assert {path: gateway("GET", path).status for path in told.json.values()} == dict.fromkeys(
        told.json.values(), 200
    )


def test_request_ids_go_in_and_out(gateway: GatewayProcess) -> None:
    """The caller's own, else a new one; in the log too."""
    assert gateway("GET", "/healthz", headers={"X-Request-ID": "my-1"}).headers["X-Request-ID"] == (
        "my-1"
    )
    own = {gateway("GET", "/healthz").headers["X-Request-ID"] for _ in range(5)}
    assert len(own) == 5
    wait_until(lambda: "id=my-1 " in gateway.said, 30, "its line in the log")
    line = next(line for line in gateway.said.splitlines() if "id=my-1 " in line)
    assert "method=GET path=/healthz status=200" in line


def test_the_same_key_gets_the_first_answer(gateway: GatewayProcess) -> None:
    """Many at once and later again: one deposit; other content under the key is refused."""
    wallet = gateway.new_wallet()
    path, key = f"/wallets/{wallet}/deposit", {"Idempotency-Key": f"deposit {wallet}"}

    def deposit(_: int) -> Reply:
        return gateway("POST", path, {"amount": 700}, key)

    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(deposit, range(24)))
    gateway("POST", path, {"amount": 1})
    replies.append(deposit(0))
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert gateway.get(f"/wallets/{wallet}")["balance"] == 701
    other = gateway("POST", path, {"amount": 701}, key)
    assert other.status == 400
    assert f"id {key['Idempotency-Key']} for another command" in other.json["error"]
    withdraw = {"amount": 5, "scheduled_for": "2027-02-15T15:00:00Z"}
    own = {"Idempotency-Key": f"withdrawal {wallet}"}
    first, again = (gateway("POST", f"/wallets/{wallet}/withdraw", withdraw, own) for _ in "12")
    assert (first.status, first.body) == (again.status, again.body) == (201, again.body)
    one, same = (gateway("POST", "/wallets/", headers={"Idempotency-Key": wallet}) for _ in "12")
    assert one.json == same.json


def test_wallets_are_shared_by_many_at_once(gateway: GatewayProcess) -> None:
    """Sixteen callers, one wallet: the sum is right, and nobody gets another's answer."""
    wallet = gateway.new_wallet()

    def deposit(amount: int) -> tuple[int, int]:
        reply = gateway("POST", f"/wallets/{wallet}/deposit", {"amount": amount})
        return amount, reply.json["transaction"]["amount"]

    with ThreadPoolExecutor(16) as threads:
        assert all(asked == told for asked, told in threads.map(deposit, range(1, 101)))
    assert gateway.get(f"/wallets/{wallet}")["balance"] == 5050


def test_what_is_not_answered_in_time_is_found_later(alone: GatewayProcess, tmp_path: Path) -> None:
    """202 names where; one too many is told to come again; the same key gets the late answer."""
    key = {"Idempotency-Key": "late & slow/1"}
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(alone, "POST", "/wallets/", None, key)
        wait_until(lambda: alone.get("/healthz")["waiting"] == 1, 30, "a waiting request")
        busy = alone("POST", "/wallets/")
        late = waiting.result(30)
    assert (busy.status, busy.headers["Retry-After"]) == (503, "1")
    assert late.status == 202
    assert late.json | {"url": ""} == {
        "status": "pending",
        "command_id": "late & slow/1",
        "source": "/http/001",
        "url": "",
    }
    place = late.json["url"].removeprefix(alone.base)
    assert alone("GET", place).status == 404

    with Workers(alone.settings, tmp_path) as workers:
        workers.start_and_hold()
        wait_until(lambda: alone("GET", place).status == 200, 60, "the result")
        result = alone.get(place)
        opened = alone("POST", "/wallets/", headers=key)
    assert (result["status"], opened.status) == ("completed", 201)
    assert opened.json["uuid"] == result["wallet_id"]


def test_who_waits_is_answered_before_the_end(alone: GatewayProcess) -> None:
    """SIGTERM: nobody new, everybody's answer, exit code 0."""
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(alone, "POST", "/wallets/")
        wait_until(lambda: alone.get("/healthz")["waiting"] == 1, 30, "a waiting request")
        alone.process.send_signal(signal.SIGTERM)
        assert waiting.result(30).status == 202
    assert alone.process.wait(30) == 0


def test_it_listens_on_loopback_only(ledger: Settings) -> None:
    """There are no logins: another address is refused in one line, before anything is opened."""
    for host in ("0.0.0.0", "::", "192.0.2.1", "localhost"):  # noqa: S104 - to be refused
        own = ledger.model_copy(update={"http_host": host})
        done = subprocess.run(
            COMMAND, env=environment(own), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith("wallet: WALLET_HTTP_HOST: ")
        assert done.stderr.count("\n") == 1


def test_a_database_that_is_away_is_told(ledger: Settings, tmp_path: Path) -> None:
    """503 and when to come again; what is asked of the ledger only still goes into the log."""
    away = {"database_url": "postgresql://postgres@127.0.0.1:1/away", "http_timeout": 0.5}
    with GatewayProcess(ledger.model_copy(update=away), tmp_path / "log") as gateway:
        health = gateway("GET", "/healthz")
        assert (health.status, health.json["database"]) == (503, False)
        for method, path in (("GET", f"/wallets/{OTHER}/"), ("POST", f"/wallets/{OTHER}/deposit")):
            reply = gateway(method, path, None if method == "GET" else {"amount": 1})
            assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
            assert reply.json == {"detail": "The database does not answer in time."}
        opened = gateway("POST", "/wallets/", headers={"Idempotency-Key": "away"})
        assert opened.status in {201, 202}
        assert "Traceback" not in gateway.said


def test_without_kafka_it_does_not_start(ledger: Settings) -> None:
    """One line says what is missing."""
    own = ledger.model_copy(update={"kafka_bootstrap": "127.0.0.1:1", "kafka_timeout": 2.0})
    done = subprocess.run(
        COMMAND, env=environment(own), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "wallet: Kafka at 127.0.0.1:1 does not answer within 2 s" in done.stderr


def test_the_schema_describes_every_path(gateway: GatewayProcess) -> None:
    """YAML unless JSON is asked for; the same document."""
    document = gateway.get("/api/schema/?format=json")
    assert yaml.safe_load(gateway("GET", "/api/schema").body) == document
    assert document["openapi"] == "3.1.0"
    assert {"/wallets/", "/api/wallets/{uuid}/deposit/", "/healthz"} <= set(document["paths"])
