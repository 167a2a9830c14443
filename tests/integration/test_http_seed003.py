"""Service 003: its README's examples, its required scenario, and what its clients get beyond."""

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import event

from producers import databases
from producers.client import Client
from producers.http.errors import EarlyError
from producers.http.seeds import bodies003, reading003_moves
from producers.http.seeds.reading003 import Page
from producers.message import uuid7
from tests.gateways import GatewayProcess, with_curl
from tests.sellers003 import (
    CLIENTS,
    PHONE,
    approve,
    balance,
    is_a,
    new_seller,
    posted,
    profile,
    sell,
)
from tests.workers import rows

pytestmark = pytest.mark.integration


@with_curl
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_examples(gateway: GatewayProcess, slash: str) -> None:
    """As they stand in the README, in its order; with and without the slash."""
    head = '-H "Content-Type: application/json"'
    api = "http://localhost:8000/api"
    who = profile()
    seller = gateway.shell(
        f"""curl -X POST {api}/sellers{slash} {head} -d '{{
  "name": "Seller Name",
  "email": "{who["email"]}",
  "phone": "{who["phone"]}"
}}'"""
    )
    is_a(bodies003.SellerBody, seller)
    assert (seller["credit_balance"], seller["is_active"]) == ("0.00", True)
    number = seller["id"]
    assert seller in gateway.shell(f"curl {api}/sellers{slash}")

    asked = gateway.shell(
        f"""curl -X POST {api}/credit-requests{slash} {head} -d '{{
  "seller": {number},
  "amount": 500000
}}'"""
    )
    is_a(bodies003.CreditRequestBody, asked)
    assert asked in gateway.shell(f"curl '{api}/credit-requests{slash}?status=pending'")
    done = gateway.shell(
        f"""curl -X POST {api}/credit-requests/{asked["id"]}/process{slash} {head} -d '{{
  "action": "approve",
  "processed_by": "admin_username"
}}'"""
    )
    is_a(bodies003.ProcessedBody, done)
    assert done["credit_request"]["processed_by"] == "admin_username"
    assert done["credit_request"] in gateway.shell(f"curl {api}/credit-requests{slash}")

    sale = f"""curl -X POST {api}/charge-sales{slash} {head} -d '{{
  "seller_id": {number},
  "phone_number": "09123456789",
  "amount": <amount>
}}'"""
    sold = gateway.shell(sale, amount="50000")
    assert sold == {
        "status": "success",
        "message": "Charge sale completed",
        "transaction_id": sold["transaction_id"],
        "seller_id": number,
        "phone_number": PHONE,
        "amount": "50000.00",
        "new_balance": "450000.00",
    }
    assert gateway.shell(sale, amount="470000") == {
        "error": "Insufficient balance",
        "available_balance": "450000.00",
        "required_amount": "470000.00",
        "shortage": "20000.00",
    }
    read_what_was_done(gateway, slash, number, sold["transaction_id"])


def read_what_was_done(gateway: GatewayProcess, slash: str, number: int, sale: int) -> None:
    """The rest of the examples: transactions, the balance, the reconciliation."""
    api = "http://localhost:8000/api"
    listed = gateway.shell(f"curl {api}/sellers/{number}/transactions{slash}")
    is_a(list[bodies003.TransactionBody], listed)
    assert listed[0]["id"] == sale
    assert gateway.shell(f"curl '{api}/transactions{slash}?seller_id={number}'") == listed
    for kind, found in (("charge_sale", listed[:1]), ("credit_increase", listed[1:])):
        path = f"{api}/transactions{slash}?type={kind}&seller_id={number}"
        assert gateway.shell(f"curl '{path}'") == found
    assert listed[0] in gateway.shell(f"curl {api}/transactions{slash}")
    books = gateway.shell(f"curl {api}/sellers/{number}/reconcile{slash}")
    assert books == {
        "seller_id": number,
        "name": "Seller Name",
        "current_balance": "450000.00",
        "calculated_from_transactions": "450000.00",
        "is_reconciled": True,
        "difference": "0.00",
        "total_transactions": 2,
    }
    left = gateway.shell(f"curl {api}/sellers/{number}/balance{slash}")
    assert left == {"seller_id": number, "name": "Seller Name", "credit_balance": "450000.00"}


def test_the_required_scenario(gateway: GatewayProcess) -> None:
    """Two sellers, ten credit increases, a thousand sales at once: 2,500,000 is left to each."""
    sellers = [new_seller(gateway) for _ in range(2)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        asked = [
            posted(gateway, "/api/credit-requests/", {"seller": seller, "amount": 1_000_000})
            for seller in sellers * 5
        ]
        list(clients.map(lambda each: approve(gateway, each["id"]), asked))
        assert [balance(gateway, seller) for seller in sellers] == ["5000000.00"] * 2
        sold = list(clients.map(lambda seller: sell(gateway, seller, 5000), sellers * 500))
    assert Counter(reply.status for reply in sold) == {201: 1000}
    assert len({reply.json["transaction_id"] for reply in sold}) == 1000
    assert [balance(gateway, seller) for seller in sellers] == ["2500000.00"] * 2
    for seller in sellers:
        books = gateway.get(f"/api/sellers/{seller}/reconcile/")
        assert (books["total_transactions"], books["difference"]) == (505, "0.00")
        listed = gateway.get(f"/api/transactions/?seller_id={seller}")
        changes = [Decimal(each["amount"]) for each in listed]
        after = [Decimal(each["balance_after"]) for each in listed]
        assert [*itertools.accumulate(reversed(changes))] == after[::-1]
        assert len(after) == 505
    listed = gateway.get("/api/transactions/")
    moments = [datetime.fromisoformat(each["created_at"]) for each in listed]
    assert moments == sorted(moments, reverse=True)


def test_a_request_is_approved_once(gateway: GatewayProcess) -> None:
    """However many say yes at the same moment."""
    seller = new_seller(gateway)
    asked = posted(gateway, "/api/credit-requests/", {"seller": seller, "amount": "1000.50"})
    path = f"/api/credit-requests/{asked['id']}/process/"
    with ThreadPoolExecutor(CLIENTS) as clients:
        replies = list(
            clients.map(lambda _: gateway("POST", path, {"action": "approve"}), range(100))
        )
    assert Counter(reply.status for reply in replies) == {200: 1, 400: 99}
    refused = next(reply for reply in replies if reply.status == 400)
    words = "Cannot approve request with status 'approved'. Only pending requests can be approved."
    assert refused.json == {"error": words}
    assert balance(gateway, seller) == "1000.50"


def test_what_becomes_of_a_request(gateway: GatewayProcess) -> None:
    """Pending, then approved or rejected, by somebody, for a reason."""
    seller = new_seller(gateway)
    path = "/api/credit-requests/"
    first, second = (
        posted(gateway, path, {"seller": str(seller), "amount": amount}) for amount in ("7", 8.25)
    )
    assert first == {
        "id": first["id"],
        "seller": seller,
        "seller_name": gateway.get(f"/api/sellers/{seller}/")["name"],
        "amount": "7.00",
        "status": "pending",
        "requested_at": first["requested_at"],
        "processed_at": None,
        "processed_by": None,
        "notes": "",
    }
    assert gateway.get(f"{path}?status=pending&seller={seller}") == [second, first]
    said = {"action": "reject", "processed_by": "zahra", "reason": "no room"}
    rejected = posted(gateway, f"{path}{second['id']}/process/", said, 200)
    assert rejected["status"] == "success"
    after = rejected["credit_request"]
    assert (after["status"], after["processed_by"], after["notes"]) == (
        "rejected", "zahra", "no room",
    )  # fmt: skip
    assert gateway.get(f"{path}{second['id']}/") == after
    again = posted(gateway, f"{path}{second['id']}/process/", said, 400)
    words = "Cannot reject request with status 'rejected'. Only pending requests can be rejected."
    assert again == {"error": words}
    assert approve(gateway, first["id"])["credit_request"]["processed_by"] == "admin"
    assert gateway.get(f"{path}?status=pending&seller={seller}") == []
    assert gateway.get(f"{path}?status=rejected&seller={seller}") == [after]
    (credited,) = gateway.get(f"/api/sellers/{seller}/transactions/")
    assert (credited["credit_request"], credited["transaction_type"]) == (
        first["id"], "credit_increase",
    )  # fmt: skip
    assert (credited["amount"], credited["balance_after"], credited["phone_number"]) == (
        "7.00", "7.00", None,
    )  # fmt: skip


def test_the_stress_of_five_sellers(gateway: GatewayProcess) -> None:
    """None sells more than it has, whoever asks at the same moment."""
    sellers = [new_seller(gateway, 1000) for _ in range(5)]
    with ThreadPoolExecutor(20) as clients:
        sold = list(clients.map(lambda seller: sell(gateway, seller, "30.00"), sellers * 50))
    assert Counter(reply.status for reply in sold) == {201: 5 * 33, 400: 5 * 17}
    assert [balance(gateway, seller) for seller in sellers] == ["10.00"] * 5
    short = next(reply.json for reply in sold if reply.status == 400)
    assert set(short) == {"error", "available_balance", "required_amount", "shortage"}


def test_what_phones_were_charged_with(gateway: GatewayProcess) -> None:
    """By all sellers; at once after the sale."""
    sellers = [new_seller(gateway, 1000) for _ in range(2)]
    phone, other = "02155550001", "+98 (21) 555-0002"
    for seller, amount in zip(sellers, (100, "50.25"), strict=True):
        assert sell(gateway, seller, amount, phone).status == 201
    assert sell(gateway, sellers[0], 1, other).json["phone_number"] == "98215550002"
    phones = {each["number"]: each for each in gateway.get("/api/phone-numbers/")}
    is_a(list[bodies003.PhoneBody], list(phones.values()))
    assert phones[phone]["total_charged"] == "150.25"
    assert phones["98215550002"]["total_charged"] == "1.00"
    number = phones[phone]["id"]
    assert gateway.get(f"/api/phone-numbers/{number}") == phones[phone]
    listed = gateway.get(f"/api/phone-numbers/{number}/transactions/")
    is_a(list[bodies003.TransactionBody], listed)
    assert [(each["seller"], each["amount"]) for each in listed] == [
        (sellers[1], "-50.25"), (sellers[0], "-100.00"),
    ]  # fmt: skip
    assert {(each["phone_number"], each["phone_number_value"]) for each in listed} == {
        (number, phone)
    }
    assert sell(gateway, sellers[0], "0.75", phone).status == 201
    assert gateway.get(f"/api/phone-numbers/{number}")["total_charged"] == "151.00"
    with ThreadPoolExecutor(CLIENTS) as clients:  # counted once, however many look
        seen = list(
            clients.map(
                lambda _: (
                    sell(gateway, sellers[0], 1, phone).status,
                    gateway.get("/api/phone-numbers/"),
                )[0],
                range(40),
            )
        )
    assert seen == [201] * 40
    assert gateway.get(f"/api/phone-numbers/{number}")["total_charged"] == "191.00"
    assert len(gateway.get(f"/api/phone-numbers/{number}/transactions/")) == 43


def test_phones_are_counted_in_parts(gateway: GatewayProcess) -> None:
    """Whatever part of the journals is counted at a time, each sale counts once."""
    sellers, phone = [new_seller(gateway, 1000) for _ in range(3)], "02155559999"
    for turn, seller in enumerate(sellers * 4, 1):
        assert sell(gateway, seller, turn, phone).status == 201
    more = True
    while more:
        with rows(gateway.settings, "SELECT count_phones(7)") as ((more,),):
            assert isinstance(more, bool)
    query = "SELECT total_minor, first_at FROM charged_phones WHERE phone_number = %s"
    with rows(gateway.settings, query, phone) as ((total, first_at),):
        assert total == sum(range(1, 13)) * 100
    found = gateway.get(f"/api/phone-numbers/1{phone}/")
    assert found["total_charged"] == "78.00"
    assert datetime.fromisoformat(found["created_at"]) == first_at
    listed = gateway.get(f"/api/phone-numbers/1{phone}/transactions/")
    assert found["created_at"] == listed[-1]["created_at"]
    assert len(listed) == 12


def test_what_other_doors_do_to_a_seller(gateway: GatewayProcess) -> None:
    """It stands in the transactions and in the books, under no type of the service's."""
    seller = new_seller(gateway, 100)
    assert sell(gateway, seller, 1).status == 201
    query = "SELECT wallet_id::text FROM sellers WHERE number = %s"
    with rows(gateway.settings, query, seller) as ((wallet,),):
        deposit = gateway("PATCH", f"/api/wallets/{wallet}/deposit/", {"amount": "5.00"})
        with Client(gateway.settings) as client:
            other = gateway.new_wallet()
            away = {"wallet_id": wallet, "to_wallet_id": other, "amount": "2.00"}
            assert client.wait(client.send("transfer.v1", away)).status == "completed"
            euro = client.submit("wallet.create.v1", {"wallet_id": uuid7(), "currency": "EUR"})
            into = {"wallet_id": wallet, "to_wallet_id": euro.wallet_id}
            into |= {"amount": "3.00", "to_amount": "0.01"}
            assert client.submit("exchange.v1", into).status == "completed"
    assert deposit.status == 200
    path = f"/api/transactions/?seller_id={seller}"
    told = [(each["transaction_type"], each["amount"]) for each in gateway.get(path)]
    assert told == [
        ("exchange", "-3.00"), ("transfer", "-2.00"), ("deposit", "5.00"),
        ("charge_sale", "-1.00"), ("credit_increase", "100.00"),
    ]  # fmt: skip
    for kind, count in (("charge_sale", 1), ("credit_increase", 1), ("deposit", 0), ("x", 0)):
        assert len(gateway.get(f"{path}&type={kind}&limit=1")) == count
        assert gateway.get(f"{path}&type={kind}&offset=1") == []
    assert balance(gateway, seller) == "99.00"


def test_a_type_is_looked_for_where_the_commands_are(
    gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database passes over what is not shown; past the limit it is refused, and never cut."""
    seller, phone = new_seller(gateway, 1000), "02155551234"
    query = "SELECT wallet_id::text FROM sellers WHERE number = %s"
    with rows(gateway.settings, query, seller) as ((wallet,),), Client(gateway.settings) as client:
        away = {"wallet_id": wallet, "to_wallet_id": gateway.new_wallet(), "amount": "7.00"}
        for amount in range(1, 7):
            assert sell(gateway, seller, amount, phone).status == 201
            assert client.wait(client.send("transfer.v1", away)).status == "completed"
    fetched: list[int] = []
    engine = databases.engine(gateway.settings.database_url, {})
    event.listen(
        engine, "after_cursor_execute", lambda _, cursor, *__: fetched.append(cursor.rowcount)
    )
    monkeypatch.setattr(reading003_moves, "LEAST_CANDIDATES", 1)
    with engine.connect() as connection:
        look = partial(reading003_moves.moves, connection, kind="charge_sale")
        for each in (seller, None):
            found = look(Page(2, 3), of_seller=each)
            assert [move.amount_minor for move in found] == [-300, -200], each
            assert sum(fetched) <= 4, each
            fetched.clear()
        assert [move.amount_minor for move in look(Page(9, 5), of_seller=seller)] == [-100]
        monkeypatch.setattr(reading003_moves, "SCAN_MAX", 10)
        assert len(look(Page(5), of_seller=seller)) == 5
        with pytest.raises(EarlyError) as refused:
            look(Page(6), of_seller=seller)
        assert refused.value.answer.status == 400
    engine.dispose()


def test_long_lists_come_in_pages(gateway: GatewayProcess) -> None:
    """The Link header leads on."""
    seller = new_seller(gateway, 100)
    for amount in (1, 2, 3):
        sell(gateway, seller, amount)
    path, seen = f"/api/transactions/?seller_id={seller}&limit=3", []
    while path:
        reply = gateway("GET", path)
        seen.append([each["amount"] for each in reply.json])
        link = reply.headers.get("Link", "")
        path = link.partition(">")[0].removeprefix(f"<{gateway.base}")
    assert seen == [["-3.00", "-2.00", "-1.00"], ["100.00"]]
    others = [new_seller(gateway) for _ in range(2)]
    listed = [each["id"] for each in gateway.get("/api/sellers/")]
    assert listed[-3:] == [seller, *others]
    start = len(listed) - 3
    paged = gateway.get(f"/api/sellers/?limit=2&offset={start}")
    assert [each["id"] for each in paged] == [seller, others[0]]
