"""The v1 API reads: lists without gaps, statements that add up, balances of the past."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from schemas.money import show
from tests.apis import Api, problem

pytestmark = pytest.mark.integration

PHONE = "09121234567"
NOBODY = "01930f6e-0000-7000-8000-0000000000ff"
MOVES = 30
BAD_CURSORS = ("", "x", "%00", "W10", "WyJ3YWxsZXRzIiwgMV0", "eyJhIjoxfQ", "a" * 600, "🏦", "../..")
"""Nothing, no base64, a NUL, an empty list, another list's, an object, too long, a bank, a path."""


@pytest.fixture(scope="module")
def busy(api: Api) -> str:
    """A wallet with a journal of every kind that a client can command."""
    wallet, other = api.wallet("1000"), api.wallet("10")
    kinds = [
        {"type": "deposit.v1", "data": {"wallet_id": wallet, "amount": "2", "reference": "=1+1"}},
        {
            "type": "transfer.v1",
            "data": {"wallet_id": wallet, "to_wallet_id": other, "amount": "3"},
        },
        {
            "type": "transfer.v1",
            "data": {"wallet_id": other, "to_wallet_id": wallet, "amount": "1"},
        },
        {
            "type": "charge_sale.v1",
            "data": {"wallet_id": wallet, "phone_number": PHONE, "amount": "4"},
        },
    ]
    sent = [dict(kinds[place % 4], id=str(uuid.uuid4())) for place in range(MOVES)]
    done = api.made("commands", sent, key=None)
    assert done["completed"] == MOVES, done
    paid = next(line["result"] for line in done["data"] if line["type"] == "transfer.v1")
    api.made("refunds", {"wallet_id": wallet, "transaction_id": paid["transaction_id"]})
    asked = api.made("credit-requests", {"wallet_id": wallet, "amount": "5"})
    api.made(f"credit-requests/{asked['credit_request_id']}/approve", {"by": "Reza"})
    api.made("withdrawals", {"wallet_id": wallet, "amount": "5", "delay": 3600})
    return wallet


def _statement(api: Api, wallet: str, query: str = "") -> list[Any]:
    pages = api.pages(f"wallets/{wallet}/statement?limit=7{query}")
    return [line for page in pages for line in page]


def test_a_statement_adds_up(api: Api, busy: str) -> None:
    """All sequences from 1, each balance the one before with the amount, the last the wallet's."""
    lines = _statement(api, busy)
    wallet = api.get(f"wallets/{busy}").json
    assert [line["sequence"] for line in lines] == list(range(1, wallet["sequence"] + 1))
    balance = Decimal(0)
    for line in lines:
        sign = {"in": 1, "out": -1, "none": 0}[line["direction"]]
        balance += sign * Decimal(line["amount"])
        assert Decimal(line["balance"]) == balance, line
        assert (line["counterparty"] is None) == (line["direction"] == "none")
    assert lines[-1]["balance"] == wallet["balance"]
    assert _statement(api, busy, "&order=desc") == lines[::-1]


def test_a_statement_names_the_other_side_as_the_journal_has_it(api: Api, busy: str) -> None:
    """Of every kind, the counterparty is the account of the transaction's other entry."""
    seen = set()
    for line in _statement(api, busy):
        entries = api.get(f"transactions/{line['transaction_id']}").json["entries"]
        others = [entry["account"] for entry in entries if entry["account"] != busy]
        assert others == [line["counterparty"]] * bool(others)
        seen.add((line["kind"], bool(others)))
    kinds = {"deposit", "transfer", "charge_sale", "refund", "credit_request.approve"}
    assert {(kind, True) for kind in kinds} <= seen


def test_a_statement_is_filtered(api: Api, busy: str) -> None:
    """By kind, direction, sequence and time: what is left is what was there."""
    lines = _statement(api, busy)
    moment = lines[10]["recorded_at"]
    filters: dict[str, Callable[[Any], bool]] = {
        "&kind=transfer": lambda line: line["kind"] == "transfer",
        "&direction=out": lambda line: line["direction"] == "out",
        "&kind=transfer&direction=in": lambda line: (
            line["kind"] == "transfer" and line["direction"] == "in"
        ),
        "&from_sequence=5&to_sequence=9": lambda line: 5 <= line["sequence"] <= 9,
        f"&from_time={moment}": lambda line: line["recorded_at"] >= moment,
        f"&to_time={moment}": lambda line: line["recorded_at"] < moment,
    }
    for query, is_wanted in filters.items():
        wanted = [line for line in lines if is_wanted(line)]
        assert _statement(api, busy, query) == wanted, query
        text = api.get(f"wallets/{busy}/statement?format=csv{query}").body.decode()
        assert [int(row["sequence"]) for row in csv.DictReader(io.StringIO(text))] == [
            line["sequence"] for line in wanted
        ]


def test_a_csv_has_the_whole_statement(api: Api, busy: str) -> None:
    """The same lines, in no way a spreadsheet would calculate with."""
    reply = api.get(f"wallets/{busy}/statement?format=csv")
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
    lines = _statement(api, busy)
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        for name in ("recorded_at", "direction", "kind", "amount", "balance", "transaction_id"):
            assert row[name] == line[name]
    assert "'=1+1" in {row["reference"] for row in rows}
    assert "=1+1" in {line["reference"] for line in lines}
    problem(api.get(f"wallets/{busy}/statement?format=csv&cursor=x"), 400, "invalid_cursor")


def test_a_balance_of_the_past_is_the_statements(api: Api, busy: str) -> None:
    """After each change, and at its time; now it is the wallet's."""
    lines = _statement(api, busy)
    for line in lines[::5]:
        found = api.get(f"wallets/{busy}/balance?sequence={line['sequence']}").json
        assert (found["balance"], found["recorded_at"]) == (line["balance"], line["recorded_at"])
        last = [each for each in lines if each["recorded_at"] <= line["recorded_at"]][-1]
        found = api.get(f"wallets/{busy}/balance?time={line['recorded_at']}").json
        assert (found["balance"], found["sequence"]) == (last["balance"], last["sequence"])
    assert api.get(f"wallets/{busy}/balance").json["balance"] == lines[-1]["balance"]


def test_a_balance_that_never_was_is_an_error(api: Api, busy: str) -> None:
    """Never a silent nothing: too early, too late, not reached, both, of no wallet."""
    opened = datetime.fromisoformat(api.get(f"wallets/{busy}").json["created_at"])
    before = (opened - timedelta(milliseconds=1)).isoformat().replace("+00:00", "Z")
    for query, status, code in (
        (f"time={before}", 422, "time_before_wallet"),
        ("time=2100-01-01T00:00:00Z", 422, "time_in_future"),
        ("sequence=9999", 422, "sequence_not_reached"),
        ("sequence=0", 400, "invalid_field"),
        ("sequence=1&time=2026-01-01T00:00:00Z", 400, "invalid_field"),
        ("time=2026-01-01", 400, "invalid_field"),
        ("tme=2026-01-01T00:00:00Z", 400, "unknown_field"),
    ):
        problem(api.get(f"wallets/{busy}/balance?{query}"), status, code)
    problem(api.get(f"wallets/{NOBODY}/balance"), 404, "wallet_not_found")
    problem(api.get(f"wallets/{NOBODY}/statement"), 404, "wallet_not_found")
    problem(api.get(f"wallets/{NOBODY}"), 404, "wallet_not_found")
    problem(api.get(f"transactions/{NOBODY}"), 404, "not_found")


def test_a_wallet_that_is_the_same_is_not_sent_again(api: Api) -> None:
    """304 for its ETag, until it changes."""
    wallet = api.wallet()
    tag = api.get(f"wallets/{wallet}").headers["ETag"]
    for said in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        same = api.get(f"wallets/{wallet}", If_None_Match=said)
        assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
    api.made("deposits", {"wallet_id": wallet, "amount": "1"})
    changed = api.get(f"wallets/{wallet}", If_None_Match=tag)
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')


def test_lists_have_everything_once(api: Api, busy: str) -> None:
    """Page by page the same as at once, in a fixed order."""
    for path in (
        "wallets?",
        "transactions?",
        f"transactions?wallet_id={busy}&",
        "transactions?kind=transfer&",
        f"transactions?wallet_id={busy}&kind=charge_sale&",
        "withdrawals?",
        "credit-requests?",
    ):
        single = [each for page in api.pages(f"{path}limit=1") for each in page]
        (whole,) = api.pages(f"{path}limit=500")
        assert single == whole
        ids = [str(each) for each in whole]
        assert len(set(ids)) == len(ids) > 0, path
    newest = [each["transaction_id"] for each in api.get("transactions").json["data"]]
    assert newest == sorted(newest, reverse=True)


def test_lists_are_filtered(api: Api, busy: str) -> None:
    """By wallet, status, currency, kind and time."""
    euro = api.wallet(currency="EUR")
    assert [w["wallet_id"] for w in api.get("wallets?currency=EUR").json["data"]] == [euro]
    api.made(f"wallets/{euro}/status", {"status": "suspended"})
    assert [w["wallet_id"] for w in api.get("wallets?status=suspended").json["data"]] == [euro]
    for path in ("withdrawals", "credit-requests"):
        assert {each["wallet_id"] for each in api.get(path).json["data"]} == {busy}
        assert api.get(f"{path}?wallet_id={euro}").json["data"] == []
    assert api.get("withdrawals?status=paid").json["data"] == []
    assert len(api.get("credit-requests?status=approved").json["data"]) == 1
    found = api.get("transactions?kind=refund").json["data"]
    assert {each["kind"] for each in found} == {"refund"}
    assert api.get("transactions?from_time=2100-01-01T00:00:00Z").json["data"] == []


def test_odd_addresses_are_refused(api: Api, busy: str) -> None:
    """Cursors and filters that are none: 400, and never more."""
    for path in ("wallets", "transactions", "withdrawals", "credit-requests"):
        for cursor in BAD_CURSORS:
            reply = api.get(f"{path}?cursor={quote(cursor, safe='%')}")
            assert reply.json["code"] in {"invalid_cursor", "invalid_field"}, (path, cursor)
            assert reply.status == 400
        for query in ("limit=0", "limit=501", "limit=x", "limt=1", "status=%00", "wallet_id=x"):
            assert api.get(f"{path}?{query}").status == 400
    problem(api.get(f"wallets/{busy}/statement?order=up"), 400, "invalid_field")
    problem(api.get("nothing"), 404, "not_found")
    problem(api.get("wallets/x"), 404, "not_found")
    problem(api.gateway("DELETE", "/v1/wallets"), 405, "method_not_allowed")


def test_the_page_of_errors_knows_every_code(api: Api) -> None:
    """For people where HTML is accepted, for programs else: the same codes."""
    lines = api.gateway.get("/docs/errors")["data"]
    page = api.gateway("GET", "/docs/errors", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for line in lines:
        assert f'<tr id="{line["code"]}">'.encode() in page.body
        assert line["doc_url"] == f"/docs/errors#{line['code']}"


def test_a_statement_of_zero_decimals_is_whole(api: Api) -> None:
    """Amounts have the decimals of their currency."""
    wallet = api.wallet("5", currency="JPY")
    assert _statement(api, wallet)[-1]["balance"] == show(5, "JPY") == "5"
