"""The sellers of service 003: made once, changed; and what no request of theirs may be."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from producers.message import uuid7
from tests.gateways import GatewayProcess
from tests.sellers003 import CLIENTS, PHONE, new_seller, posted, profile, sell
from tests.workers import execute, rows

pytestmark = pytest.mark.integration


def test_a_seller_is_made_once(gateway: GatewayProcess) -> None:
    """E-mail and phone are nobody else's; of many who come together one is first."""
    who = profile()
    with ThreadPoolExecutor(CLIENTS) as clients:
        replies = list(clients.map(lambda _: gateway("POST", "/api/sellers/", who), range(20)))
    assert Counter(reply.status for reply in replies) == {201: 1, 400: 19}
    taken = {name: [f"seller with this {name} already exists."] for name in ("email", "phone")}
    assert gateway("POST", "/api/sellers/", who).json == taken
    for name, words in taken.items():
        reply = gateway("POST", "/api/sellers/", {**profile(), name: who[name]})
        assert (reply.status, reply.json) == (400, {name: words})
    emails = [each["email"] for each in gateway.get("/api/sellers/")]
    assert emails.count(who["email"]) == 1


def test_the_same_key_gets_the_same_seller(gateway: GatewayProcess) -> None:
    """And other content under it is refused."""
    who, key = profile(), {"Idempotency-Key": f"key {uuid7()}"}
    first, second = (gateway("POST", "/api/sellers/", who, key) for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    other = gateway("POST", "/api/sellers/", profile(), key)
    assert (other.status, list(other.json)) == (400, ["detail"])


def test_a_seller_broken_off_is_gone_on_with(gateway: GatewayProcess) -> None:
    """By its e-mail, with its wallet; an abandoned one holds nobody's phone for ever."""
    who, wallet = profile(), uuid7()
    left = "INSERT INTO sellers (wallet_id, created_at, updated_at, name, email, phone)"
    left += " VALUES (%s, now() - %s::interval, now(), 'Old name', %s, %s)"
    execute(gateway.settings, left, wallet, "0s", who["email"], who["phone"])
    shown = [each["email"] for each in gateway.get("/api/sellers/")]
    assert who["email"] not in shown
    reply = gateway("POST", "/api/sellers/", {**profile(), "phone": who["phone"]})
    assert (reply.status, list(reply.json)) == (400, ["phone"])
    made = posted(gateway, "/api/sellers/", who)
    assert made["name"] == who["name"]
    with rows(gateway.settings, "SELECT number FROM sellers WHERE wallet_id = %s", wallet) as found:
        assert found == [(made["id"],)]

    who = profile()
    execute(gateway.settings, left, uuid7(), "1d", f"gone {who['email']}", who["phone"])
    assert posted(gateway, "/api/sellers/", who)["phone"] == who["phone"]


def test_a_seller_changes(gateway: GatewayProcess) -> None:
    """Who is not active neither sells nor gets credit."""
    seller = new_seller(gateway, 100)
    path = f"/api/sellers/{seller}/"
    pending = posted(gateway, "/api/credit-requests/", {"seller": seller, "amount": 5})
    before = gateway.get(path)
    renamed = gateway("PATCH", path, {"name": "  Other  "})
    assert renamed.status == 200
    assert renamed.json == before | {"name": "Other", "updated_at": renamed.json["updated_at"]}
    other = profile()
    posted(gateway, "/api/sellers/", other)
    taken = gateway("PATCH", path, {"email": other["email"]})
    assert taken.json == {"email": ["seller with this email already exists."]}
    assert gateway("PATCH", path, {"is_active": False}).json["is_active"] is False
    refused = {"seller_id": ["Seller is not active"]}
    sale = sell(gateway, seller, 1)
    assert (sale.status, sale.json) == (400, refused)
    asked = gateway("POST", "/api/credit-requests/", {"seller": seller, "amount": 1})
    assert (asked.status, asked.json) == (400, {"seller": ["Seller is not active"]})
    process = f"/api/credit-requests/{pending['id']}/process/"
    assert posted(gateway, process, {"action": "approve"}, 400) == {"error": "Seller is not active"}
    assert gateway("PATCH", path, {"is_active": "true"}).json["is_active"] is True
    assert sell(gateway, seller, 1).json["new_balance"] == "99.00"
    closed = posted(gateway, "/api/sellers/", {**profile(), "is_active": False})
    assert closed["is_active"] is False
    assert sell(gateway, closed["id"], 1).json == refused


SALES: dict[str, tuple[dict[str, object], str]] = {
    "unknown": ({"seller_id": 2**62}, "seller_id"),
    "huge": ({"seller_id": 10**60}, "seller_id"),
    "word": ({"seller_id": "abc"}, "seller_id"),
    "list": ({"seller_id": [1]}, "seller_id"),
    "none": ({"seller_id": None}, "seller_id"),
    "short phone": ({"phone_number": "0912 3"}, "phone_number"),
    "long phone": ({"phone_number": "9" * 60}, "phone_number"),
    "object": ({"phone_number": {}}, "phone_number"),
    "zero": ({"amount": 0}, "amount"),
    "negative": ({"amount": "-5"}, "amount"),
    "fine": ({"amount": "0.001"}, "amount"),
    "text": ({"amount": "NaN"}, "amount"),
    "infinite": ({"amount": "Infinity"}, "amount"),
    "vast": ({"amount": "1e400"}, "amount"),
    "large": ({"amount": 10**40}, "amount"),
    "true": ({"amount": True}, "amount"),
}


@pytest.mark.parametrize("case", list(SALES))
def test_wrong_sales(gateway: GatewayProcess, case: str) -> None:
    """400, with the field named."""
    changed, field = SALES[case]
    good = {"seller_id": new_seller(gateway), "phone_number": PHONE, "amount": 1}
    reply = gateway("POST", "/api/charge-sales/", {**good, **changed})
    assert (reply.status, list(reply.json)) == (400, [field])
    if case == "unknown":
        assert reply.json == {"seller_id": ["Seller not found"]}
    without = {name: value for name, value in good.items() if name != field}
    missing = gateway("POST", "/api/charge-sales/", without)
    assert (missing.status, missing.json) == (400, {field: ["This field is required."]})


HOSTILE: dict[str, tuple[str, str, object]] = {
    "seller_id=abc": ("GET", "/api/transactions/?seller_id=abc", None),
    "seller_id huge": ("GET", f"/api/transactions/?seller_id={10**50}", None),
    "type nul": ("GET", "/api/transactions/?type=%00", None),
    "status nul": ("GET", "/api/credit-requests/?status=%00", None),
    "limit": ("GET", "/api/sellers/?limit=0", None),
    "limit text": ("GET", "/api/sellers/?limit=many", None),
    "offset": ("GET", f"/api/phone-numbers/?offset={10**30}", None),
    "negative offset": ("GET", "/api/phone-numbers/?offset=-1", None),
    "unknown seller": ("GET", f"/api/sellers/{2**60}/balance/", None),
    "seller abc": ("GET", "/api/sellers/abc/", None),
    "seller huge": ("GET", f"/api/sellers/{10**40}/reconcile/", None),
    "seller zero": ("GET", "/api/sellers/0/transactions/", None),
    "phone 1": ("GET", "/api/phone-numbers/1/transactions/", None),
    "phone 2": ("GET", "/api/phone-numbers/209123456789/", None),
    "phone unknown": ("GET", "/api/phone-numbers/1999999999999/transactions/", None),
    "request": ("GET", f"/api/credit-requests/{2**60}/", None),
    "process": ("POST", f"/api/credit-requests/{2**60}/process/", {"action": "approve"}),
    "no action": ("POST", "/api/credit-requests/1/process/", {}),
    "action": ("POST", "/api/credit-requests/1/process/", {"action": ["approve"]}),
    "list": ("POST", "/api/sellers/", [1]),
    "nan": ("POST", "/api/charge-sales/", b'{"seller_id": 1, "amount": NaN}'),
    "deep": ("POST", "/api/sellers/", b"[" * 5000),
    "nul": ("POST", "/api/sellers/", b'{"name": "\\u0000"}'),
    "half": ("POST", "/api/sellers/", b'{"name": "\\ud800"}'),
    "credit of nobody": ("POST", "/api/credit-requests/", {"seller": 2**60, "amount": 1}),
    "credit huge": ("POST", "/api/credit-requests/", {"seller": 10**60, "amount": 1}),
    "credit bool": ("POST", "/api/credit-requests/", {"seller": True, "amount": 1}),
    "credit minus": ("POST", "/api/credit-requests/", {"seller": -1, "amount": 1}),
    "patch": ("PATCH", f"/api/sellers/{2**60}/", {"name": "x"}),
    "delete": ("DELETE", "/api/sellers/1/", None),
}


@pytest.mark.parametrize("case", list(HOSTILE))
def test_hostile_requests(gateway: GatewayProcess, case: str) -> None:
    """Always 4xx, with a document that says why."""
    method, path, body = HOSTILE[case]
    reply = gateway(method, path, body)
    assert 400 <= reply.status < 500, reply
    assert isinstance(reply.json, dict)
    assert gateway.get("/healthz")["status"] == "ok"


def test_wrong_sellers(gateway: GatewayProcess) -> None:
    """Each field is named, all at once."""
    reply = gateway("POST", "/api/sellers/", {"name": "  ", "email": "nobody", "phone": "12-34"})
    assert reply.json == {
        "name": ["This field may not be blank."],
        "email": ["Enter a valid email address."],
        "phone": ["Phone number must have at least 10 digits."],
    }
    missing = gateway("POST", "/api/sellers/", {}).json
    assert missing == {name: ["This field is required."] for name in ("name", "email", "phone")}
    for name, value in (("name", None), ("name", "x" * 256), ("is_active", "maybe")):
        assert list(gateway("POST", "/api/sellers/", {**profile(), name: value}).json) == [name]
