"""The operators' console, by its pages and forms: as somebody without scripts sees it."""

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from producers import withdrawals as steps
from producers.client import Client
from producers.http.console.routes import ROUTES
from producers.message import uuid7
from schemas.settings import Settings
from tests.consoles import Operator
from tests.gateways import GatewayProcess, served
from tests.people import make_root, new_user, of_role
from tests.workers import rows, wait_until

pytestmark = pytest.mark.integration

HOSTILE = "<script>alert('x')</script>\"><b>&"
SECONDS = 30.0


class Desk:
    """A gateway where logins are required, and who works there."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        self.root = make_root(gateway)
        self.admin = Operator(gateway, "root")

    def operator(self, role: str) -> Operator:
        """Somebody new of a role, logged in."""
        made = of_role(self.gateway, role, self.root)
        return Operator(self.gateway, made["username"])

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Ask the API."""
        reply = self.gateway("POST", path, body, {**self.root, "Idempotency-Key": uuid7()})
        assert reply.status in {200, 201}, reply
        return reply.json

    def wallet(self, money: str | None = None, **more: object) -> str:
        """A wallet with some money in it."""
        wallet_id = str(self.post("/v1/wallets", more)["wallet_id"])
        if money is not None:
            self.post("/v1/deposits", {"wallet_id": wallet_id, "amount": money})
        return wallet_id

    def balance(self, wallet_id: str) -> str:
        """What a wallet has."""
        reply = self.gateway("GET", f"/v1/wallets/{wallet_id}", headers=self.root)
        return str(reply.json["balance"])


@pytest.fixture(scope="module")
def desk(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """One ledger for all tests of this file."""
    ledger = new_ledger(http_logins="required", http_rate=0, http_address_rate=0)
    with served(ledger, tmp_path_factory.mktemp("served")) as gateway:
        yield Desk(gateway)


def test_every_page_can_be_read_by_who_sees_all(desk: Desk) -> None:
    """Well-formed, every field with a label, no script and no style in it; an auditor too."""
    wallet = desk.wallet("50.00", owner={"name": "Sara"})
    own = {"wallet_id": wallet, "amount": "7.00"}
    out = desk.post("/v1/withdrawals", {**own, "delay": 100_000})["withdrawal_id"]
    sold = desk.post("/v1/charge-sales", {**own, "phone_number": "09121234567"})["transaction_id"]
    desk.post("/v1/credit-requests", own)
    pages = {
        "": "All is well",
        "/wallets": wallet,
        f"/wallets/{wallet}": "43.00",
        "/withdrawals": "scheduled",
        f"/withdrawals/{out}": "The bank has not been called",
        "/credit-requests": "7.00",
        "/transactions": "Charge sale",
        f"/transactions/{sold}": "outside: charge sales",
        f"/commands?id={sold}": "charge_sale.v1",
        "/users": "root",
        "/keys": "There are no keys yet",
        "/audit": "/v1/charge-sales",
    }
    auditor = desk.operator("auditor")
    for path, words in pages.items():
        assert words in desk.admin.page(f"/console{path}").text, path
        page = auditor.page(f"/console{path}")
        assert words in page.text, path
        assert [form.action for form in page.forms] == ["/console/logout"], path


def test_an_exchange_balances_in_each_currency(desk: Desk) -> None:
    """Its page has both sums, the list both amounts, each wallet's page its own."""
    payer, payee = desk.wallet("1500.00"), desk.wallet(currency="JPY")
    said = {"wallet_id": payer, "to_wallet_id": payee, "amount": "1234.5", "to_amount": "8120"}
    done = desk.post("/v1/exchanges", said)["transaction_id"]
    text = desk.admin.page(f"/console/transactions/{done}").text
    for total in ("1,234.50 IRR 1,234.50 IRR", "8,120 JPY 8,120 JPY"):
        assert f"What goes out comes in {total}" in text
    assert text.count("outside: exchange") == 2
    assert "Refunds" not in text
    listed = desk.admin.page("/console/transactions?kind=exchange").text
    assert "1,234.50 IRR for 8,120 JPY" in listed
    for wallet, amount in ((payer, "-1,234.50"), (payee, "+8,120")):
        text = desk.admin.page(f"/console/wallets/{wallet}").text
        assert "Exchange" in text
        assert amount in text


def test_an_exchange_is_done_by_a_form(desk: Desk) -> None:
    """Both amounts as typed; what the other wallet cannot hold is refused in the ledger's words."""
    payer, payee = desk.wallet("1500.00"), desk.wallet(currency="JPY")
    form = desk.admin.page(f"/console/wallets/{payer}").form("/exchange")
    typed = {"to_wallet_id": payee, "amount": "1234.5", "to_amount": "81.20", "reference": "July"}
    page = desk.admin.read(desk.admin.send(form, typed))
    assert "Refused: " in page.text
    assert "JPY has 0 decimals, got 2." in page.text
    page = desk.admin.read(desk.admin.send(page.form("/exchange"), typed | {"to_amount": "8120"}))
    assert "Done: Exchange" in page.text
    assert "Balance 265.50 IRR" in page.text
    assert (desk.balance(payer), desk.balance(payee)) == ("265.50", "8120")
    page = desk.admin.read(desk.admin.send(page.form("/exchange"), typed | {"to_amount": ""}), 400)
    assert dict(page.form("/exchange").fields)["reference"] == "July"


def test_names_that_are_html_are_words(desk: Desk) -> None:
    """A wallet's owner and a reference are shown as they were typed, and do nothing."""
    wallet = desk.wallet(owner={"name": HOSTILE})
    said = {"wallet_id": wallet, "amount": "1.00", "reference": HOSTILE}
    moved = desk.post("/v1/deposits", said)["transaction_id"]
    for path in (f"wallets/{wallet}", f"transactions/{moved}", "wallets?q=alert", "transactions"):
        reply = desk.admin("GET", f"/console/{path}")
        assert b"<script>" not in reply.body
        assert HOSTILE in desk.admin.read(reply).text


def test_a_wallet_is_found_by_what_people_know(desk: Desk) -> None:
    """Its id's beginning, its owner's name or phone, its user's name."""
    wallet = desk.wallet(owner={"name": "Mina Rostami", "phone": "+989351112299"})
    user = new_user(desk.gateway, 3, desk.root)
    for text, found in (
        (wallet[:9], wallet),
        (wallet[:16].upper(), wallet),
        (wallet, wallet),
        ("rosta", wallet),
        ("0935 111 2299", wallet),
        ("0935-111-2299", wallet),
        (user["username"], user["wallet_id"]),
    ):
        assert found in desk.admin.page(f"/console/wallets?q={text.replace(' ', '+')}").text, text
    for text in ("%25", "_", "nobody-is-so", "ade-bed", "2026-11-20", "%00", "'"):
        reply = desk.admin("GET", f"/console/wallets?q={text}")
        assert wallet.encode() not in reply.body
        assert reply.status == (400 if text == "%00" else 200)


@pytest.mark.parametrize(
    "given",
    ["%00", "%F0%9F", "x" * 300, "x" * 600, "-1", "1e400", "9999-12-31T23:59Z",
     "1970-01-01T00:00:00%2B05:00", "0912-345-6789"],
)  # fmt: skip
def test_no_address_is_an_error_of_ours(desk: Desk, given: str) -> None:
    """Whatever stands in a query: a page, or what is wrong with it."""
    names = ("q", "cursor", "status", "kind", "from_time", "wallet_id", "id", "after", "outcome")
    for route in ROUTES:
        if route.method == "GET" and "{" not in route.path:
            for name in names:
                reply = desk.admin("GET", f"{route.path}?{name}={given}")
                assert reply.status in {200, 303, 400}, (route.path, name)


def test_a_form_sent_twice_at_once_is_done_once(desk: Desk) -> None:
    """A double click: both show the same outcome, in the ledger's words."""
    wallet = desk.wallet()
    form = desk.admin.page(f"/console/wallets/{wallet}").form("/deposit")
    replies: list[Any] = []

    def click() -> None:
        replies.append(desk.admin.send(form, {"amount": "1234.50"}))

    clicks = [threading.Thread(target=click) for _ in range(3)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join(SECONDS)
    assert [reply.status for reply in replies] == [303] * 3
    assert len({reply.headers["Location"] for reply in replies}) == 1
    wait_until(lambda: desk.balance(wallet) == "1234.50", SECONDS, "deposit")
    page = desk.admin.read(replies[0])
    assert "Done: Deposit" in page.text
    assert "Balance 1,234.50 IRR" in page.text
    assert "/http/console/user:" in page.text
    again = desk.admin.read(desk.admin.send(form, {"amount": "1234.5"}), 422)
    assert "with something else in it" in again.text
    assert desk.balance(wallet) == "1234.50"


def test_a_refusal_is_the_ledgers_and_a_wrong_field_is_typed_again(desk: Desk) -> None:
    """What was refused has an outcome; what could not be read is not sent, and stays typed."""
    payer, payee = desk.wallet("10.00"), desk.wallet()
    form = desk.admin.page(f"/console/wallets/{payer}").form("/transfer")
    page = desk.admin.read(desk.admin.send(form, {"to_wallet_id": payee, "amount": "10.01"}))
    assert "Refused: Insufficient funds" in page.text
    assert "Available balance: 10.00. Required amount: 10.01." in page.text
    page = desk.admin.read(desk.admin.send(form, {"to_wallet_id": "x", "amount": "ten"}), 400)
    assert "not a decimal number" in page.text
    kept = dict(page.form("/transfer").fields)
    assert (kept["amount"], kept["to_wallet_id"]) == ("ten", "x")
    done = desk.admin.send(page.form("/transfer"), {"to_wallet_id": payee, "amount": "10"})
    assert done.status == 422  # the key of the form has been used for the refused one
    fresh = desk.admin.page(f"/console/wallets/{payer}").form("/transfer")
    page = desk.admin.read(desk.admin.send(fresh, {"to_wallet_id": payee, "amount": "10"}))
    assert "Done: Transfer" in page.text
    assert (desk.balance(payer), desk.balance(payee)) == ("0.00", "10.00")


def test_a_wallet_is_opened_suspended_and_paid_out(desk: Desk) -> None:
    """By forms alone; a suspended wallet takes no money, and its page says so."""
    form = desk.admin.page("/console/wallets").form("/wallets")
    reply = desk.admin.send(form, {"name": "Nima", "currency": "EUR"})
    assert "Done: Wallet opened" in desk.admin.read(reply).text
    place = reply.headers["Location"].partition("?")[0]
    page = desk.admin.page(place)
    page = desk.admin.read(desk.admin.send(page.form("/deposit"), {"amount": "5"}))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    later = {
        "amount": "2",
        "due_at": f"{tomorrow:%Y-%m-%dT%H:%M}",
        "target": "DE02120300000000202051",
    }
    page = desk.admin.read(desk.admin.send(page.form("/withdraw"), later))
    assert "2.00 EUR, scheduled" in page.text
    page = desk.admin.read(desk.admin.send(page.form("/withdraw"), {"amount": "1", "delay": "90"}))
    assert "1.00 EUR, scheduled" in page.text
    page = desk.admin.read(desk.admin.send(page.form("/status"), {"status": "suspended"}))
    assert "suspended" in page.text
    page = desk.admin.read(desk.admin.send(page.form("/deposit"), {"amount": "1"}))
    assert "Refused: " in page.text


def test_credit_requests_are_decided_many_at_once(desk: Desk) -> None:
    """Each with its own outcome; sent again nothing is done twice; who decided is kept."""
    wallet = desk.wallet()
    made = [
        desk.post("/v1/credit-requests", {"wallet_id": wallet, "amount": amount})
        for amount in ("10.00", "20.00", "40.00", "80.00")
    ]
    ids = [each["credit_request_id"] for each in made]
    form = desk.admin.page("/console/credit-requests").form("/credit-requests")
    reply = desk.admin.send(form, {"only": f"{ids[3]} reject", "reason": "no"})
    assert "Done: Credit rejected" in desk.admin.read(reply).text
    chosen = [("id", each) for each in [*ids, uuid7()]]
    both = [desk.admin.send(form, [*chosen, ("action", "approve")]) for _ in range(2)]
    for reply in both:
        text = desk.admin.read(reply).text
        assert text.count("Done: Credit approved") == 3
        assert text.count("Refused: ") == 1
        assert "There is no credit request" in text
    assert desk.balance(wallet) == "70.00"
    found = desk.gateway("GET", f"/v1/credit-requests/{ids[0]}", headers=desk.root).json
    assert (found["by"], found["status"]) == ("root", "approved")
    reply = desk.admin.send(form, {"action": "approve"})
    assert "Choose at least one" in desk.admin.read(reply, 400).text


def test_a_refund_stands_by_what_was_paid(desk: Desk) -> None:
    """Given back in part, by a form of the transaction's page, and shown there."""
    wallet = desk.wallet("30.00")
    sale = {"wallet_id": wallet, "phone_number": "09121234567", "amount": "20.00"}
    place = f"/console/transactions/{desk.post('/v1/charge-sales', sale)['transaction_id']}"
    form = desk.admin.page(place).form("/refund")
    page = desk.admin.read(desk.admin.send(form, {"amount": "5"}))
    assert "Done: Refund" in page.text
    assert "5.00 IRR" in page.text
    page = desk.admin.read(desk.admin.send(page.form("/refund"), {}))
    assert "Balance 30.00" in page.text
    refunds = {each for each in page.links if "/transactions/" in each} - {place}
    assert len(refunds) == 2
    assert all(place in desk.admin.page(each).links for each in refunds)


def test_what_the_bank_left_open_is_ended_by_a_named_person(desk: Desk) -> None:
    """With a reason, after a question; not while the bank caller is at work; once."""
    wallet = desk.wallet("100.00")
    settings = desk.gateway.settings
    own = {"wallet_id": wallet, "amount": "30.00", "delay": 100_000}
    withdrawal = desk.post("/v1/withdrawals", own)["withdrawal_id"]
    place = f"/console/withdrawals/{withdrawal}"
    assert not any(form.action.endswith("/resolve") for form in desk.admin.page(place).forms)
    reply = desk.admin.send(desk.admin.page(place).form("/cancel"), {})
    assert "cancelled" in desk.admin.read(reply).text
    withdrawal = _needs_review(desk, wallet)
    place = f"/console/withdrawals/{withdrawal}"
    assert "Needs review" in desk.admin.page("/console/withdrawals").text
    form = desk.admin.page(place).form("/resolve")
    said = {"said": "failed", "reason": "their statement of today"}
    assert "asked the bank" in desk.admin.read(desk.admin.send(form, said), 400).text
    for _click in range(2):
        page = desk.admin.read(desk.admin.send(form, {**said, "sure": "yes"}))
        assert "Done: Withdrawal failed" in page.text
        assert "their statement of today" in page.text
    assert desk.balance(wallet) == "100.00"
    other = {"said": "paid", "reason": "no, it has", "sure": "yes"}
    assert "can be resolved" in desk.admin.read(desk.admin.send(form, other), 409).text
    query = "SELECT status FROM withdrawals WHERE withdrawal_id = %s"
    with rows(settings, query, withdrawal) as found:
        assert found[0][0] == 4


def _needs_review(desk: Desk, wallet: str) -> str:
    """A withdrawal of which nobody knows what the bank has done."""
    own = {"wallet_id": wallet, "amount": "30.00", "delay": 1}
    withdrawal = str(desk.post("/v1/withdrawals", own)["withdrawal_id"])
    with Client(desk.gateway.settings) as client:
        for attempt in itertools.count(1):
            message = steps.execution(wallet, withdrawal, attempt)
            if client.wait(client.send_message(message)).error is None:
                break
        message = steps.review(wallet, withdrawal, "timeout")
        assert client.wait(client.send_message(message)).error is None
    return withdrawal
