"""Exchanges over the v1 API: two currencies in one transaction, each balanced by itself."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.settings import Settings
from tests.apis import Api, problem
from tests.workers import rows

pytestmark = pytest.mark.integration

NOBODY = "01930f6e-0000-7000-8000-0000000000ff"


class Pair:
    """A wallet with 100 rials, and an empty one of another currency."""

    def __init__(self, api: Api, currency: str = "EUR") -> None:
        self.api = api
        self.rial, self.other = api.wallet("100"), api.wallet(currency=currency)
        self.path = {"wallet_id": self.rial, "to_wallet_id": self.other}

    def body(self, amount: str = "60", to_amount: object = "0.5", **more: object) -> dict[str, Any]:
        """What is asked for."""
        return {**self.path, "amount": amount, "to_amount": to_amount, **more}

    @property
    def balances(self) -> tuple[str, str]:
        """What both hold."""
        return self.api.balance(self.rial), self.api.balance(self.other)


@pytest.fixture
def pair(api: Api) -> Pair:
    """A new pair."""
    return Pair(api)


def entry(account: str, amount: str, currency: str) -> dict[str, str]:
    """An entry as the API shows it."""
    return {"account": account, "amount": amount, "currency": currency}


def entries_of(pair: Pair) -> list[dict[str, str]]:
    """Those of 60 rials for half a euro."""
    return [
        entry(pair.rial, "-60.00", "IRR"),
        entry("world:exchange", "60.00", "IRR"),
        entry("world:exchange", "-0.50", "EUR"),
        entry(pair.other, "0.50", "EUR"),
    ]


def test_an_exchange_is_done_once_for_a_key(api: Api, pair: Pair) -> None:
    """Both amounts in full; the same again is its first answer, and needs no currency named."""
    key = str(uuid.uuid4())
    first, again = (api.post("exchanges", pair.body(reference="quote 71"), key) for _ in range(2))
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    body = first.json
    assert first.headers["Location"] == body["url"]
    assert {name: body[name] for name in ("kind", "amount", "currency", "balance", "sequence")} == {
        "kind": "exchange", "amount": "60.00", "currency": "IRR", "balance": "40.00", "sequence": 3,
    }  # fmt: skip
    assert (body["to_wallet_id"], body["to_amount"]) == (pair.other, "0.50")
    assert (body["to_currency"], body["reference"]) == ("EUR", "quote 71")
    assert pair.balances == ("40.00", "0.50")
    reused = api.post("exchanges", pair.body(to_amount="0.6"), key)
    assert problem(reused, 422, "idempotency_key_reused")["param"] == "Idempotency-Key"
    problem(api.post("exchanges", pair.body(), key=None), 400, "idempotency_key_missing")


def test_each_currency_has_its_own_decimals(api: Api) -> None:
    """A yen has none, a dinar of Bahrain three; the named currencies are those of the wallets."""
    for currency, given, shown in (("JPY", "8120", "8120"), ("BHD", "0.1", "0.100")):
        pair = Pair(api, currency)
        wanted = pair.body(to_amount=given, currency="IRR", to_currency=currency)
        done = api.made("exchanges", wanted)
        assert (done["to_amount"], done["to_currency"]) == (shown, currency)
        assert pair.balances == ("40.00", shown)


def test_a_transaction_shows_four_entries(api: Api, pair: Pair) -> None:
    """What is paid first, the payer's currency first; it is found by its kind and by both."""
    done = api.made("exchanges", pair.body())
    found = api.get(f"transactions/{done['transaction_id']}").json
    assert found["entries"] == entries_of(pair)
    assert (found["kind"], found["currency"], found["wallet_id"]) == ("exchange", "IRR", pair.rial)
    for wallet in (pair.rial, pair.other):
        listed = api.get(f"transactions?kind=exchange&wallet_id={wallet}").json["data"]
        assert listed == [found]


def test_each_statement_names_the_other_wallet(api: Api, pair: Pair) -> None:
    """In its own currency: out of the one, into the other."""
    api.made("exchanges", pair.body())
    for wallet, other, direction, amount, currency, balance in (
        (pair.rial, pair.other, "out", "60.00", "IRR", "40.00"),
        (pair.other, pair.rial, "in", "0.50", "EUR", "0.50"),
    ):
        (line,) = api.get(f"wallets/{wallet}/statement?kind=exchange").json["data"]
        assert (line["direction"], line["amount"], line["currency"]) == (
            direction, amount, currency,
        )  # fmt: skip
        assert (line["counterparty"], line["balance"]) == (other, balance)
        text = api.get(f"wallets/{wallet}/statement?kind=exchange&format=csv").body.decode()
        assert f",{direction},exchange,{amount},{balance},{currency},{other}," in text


def _refusals(pair: Pair, rials: str) -> Iterator[tuple[dict[str, Any], int, str, str]]:
    yield pair.body(to_wallet_id=rials), 422, "same_currency", "to_wallet_id"
    yield pair.body(to_wallet_id=pair.rial), 422, "same_wallet", "to_wallet_id"
    yield pair.body(to_wallet_id=NOBODY), 404, "wallet_not_found", "to_wallet_id"
    yield pair.body(wallet_id=NOBODY), 404, "wallet_not_found", "wallet_id"
    yield pair.body("100.01"), 402, "insufficient_funds", "amount"
    yield pair.body("0"), 422, "amount_not_positive", "amount"
    yield pair.body("1.001"), 422, "amount_precision", "amount"
    yield pair.body(to_amount="0"), 422, "amount_not_positive", "to_amount"
    yield pair.body(to_amount="-1"), 422, "amount_not_positive", "to_amount"
    yield pair.body(to_amount="0.001"), 422, "amount_precision", "to_amount"
    yield pair.body(to_amount="9" * 39), 422, "amount_too_large", "to_amount"
    yield pair.body(currency="EUR"), 422, "currency_mismatch", "currency"
    yield pair.body(to_currency="IRR"), 422, "currency_mismatch", "to_currency"
    yield pair.body(to_amount=1), 400, "invalid_field", "to_amount"
    yield {**pair.path, "amount": "1"}, 400, "missing_field", "to_amount"


def test_refusals_are_problems_and_a_dry_run_tells_the_same(
    api: Api, pair: Pair, ledger: Settings
) -> None:
    """Status, code and param; nothing is moved."""
    rials = api.wallet()
    for body, status, code, param in _refusals(pair, rials):
        tried = problem(api.post("exchanges?dry_run=true", body, key=None), status, code)
        told = problem(api.post("exchanges", body), status, code)
        assert told["param"] == tried["param"] == param, told
        assert told["context"] == tried["context"]
    same = api.post("exchanges", pair.body(to_wallet_id=rials))
    assert problem(same, 422, "same_currency")["context"] == {"currency": "IRR"}
    assert pair.balances == ("100.00", "0.00")
    query = "SELECT count(*) FROM entries WHERE account_id = %s"
    with rows(ledger, query, pair.other) as found:
        assert found[0][0] == 1


def test_a_dry_run_tells_what_would_be_booked(api: Api, pair: Pair) -> None:
    """As the exchange that is sent after it."""
    would = api.made("exchanges?dry_run=true", pair.body(), key=None)
    assert pair.balances == ("100.00", "0.00")
    assert would["dry_run"] is True
    assert would["entries"] == entries_of(pair)
    done = api.made("exchanges", pair.body())
    same = ("kind", "amount", "currency", "balance", "sequence", "to_amount", "to_currency")
    assert {name: would[name] for name in same} == {name: done[name] for name in same}


def test_many_commands_have_exchanges_among_them(api: Api, pair: Pair) -> None:
    """There and back again: tried and done, each on what the one before it has left."""
    back = {
        "wallet_id": pair.other, "to_wallet_id": pair.rial, "amount": "0.5", "to_amount": "61",
    }  # fmt: skip
    bodies = (pair.body(), back, back)
    sent = [{"type": "exchange.v1", "id": str(uuid.uuid4()), "data": body} for body in bodies]
    tried = api.made("commands?dry_run=true", sent, key=None)
    assert [line["http_status"] for line in tried["data"]] == [200, 200, 402]
    assert tried["data"][0]["entries"] == entries_of(pair)
    assert pair.balances == ("100.00", "0.00")
    (first,) = api.made("commands", sent[:1], key=None)["data"]
    assert (first["status"], first["result"]["balance"]) == ("completed", "40.00")
    ends = api.made("commands", sent[1:], key=None)["data"]
    assert [line["http_status"] for line in ends] == [200, 402]
    assert ends[1]["problem"]["context"] == {
        "available": "0.00", "required": "0.50", "shortage": "0.50",
    }  # fmt: skip
    assert pair.balances == ("101.00", "0.00")


def test_an_exchange_is_not_given_back(api: Api, pair: Pair) -> None:
    """A refund finds no such payment, of neither wallet."""
    done = api.made("exchanges", pair.body())
    for wallet in (pair.rial, pair.other):
        body = {"wallet_id": wallet, "transaction_id": done["transaction_id"]}
        problem(api.post("refunds", body), 404, "transaction_not_found")


def test_other_services_show_it_as_a_change_like_any(api: Api, pair: Pair) -> None:
    """Service 001 knows what comes in and what goes out, once each, in its wallet's currency."""
    api.made("exchanges", pair.body())
    for wallet, kind, amount in ((pair.rial, "WITHDRAWAL", 6000), (pair.other, "DEPOSIT", 50)):
        newest = api.gateway.get(f"/wallets/{wallet}/transactions")[0]
        assert (newest["transaction_type"], newest["amount"]) == (kind, amount)
