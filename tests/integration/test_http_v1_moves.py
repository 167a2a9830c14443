"""The v1 API commands: each is done once for its key, refused as a problem, or only tried."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from schemas.settings import Settings
from tests.apis import Api, problem
from tests.workers import rows

pytestmark = pytest.mark.integration

NOBODY = "01930f6e-0000-7000-8000-0000000000ff"
PHONE = "09121234567"


def commands(ledger: Settings) -> int:
    """How many commands have a result."""
    with rows(ledger, "SELECT count(*) FROM commands") as found:
        return int(found[0][0])


def test_a_wallet_is_opened_once_for_a_key(api: Api) -> None:
    """It is made with all that was said; the same again is the same wallet, marked as a replay."""
    wanted = {"currency": "EUR", "owner": {"name": "Sara"}, "metadata": {"shop": "3"}}
    first, again = (api.post("wallets", wanted, "open-1") for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert first.headers.get("Idempotency-Replayed") is None
    assert again.headers["Idempotency-Replayed"] == "true"
    body = first.json
    assert first.headers["Location"] == body["url"]
    assert first.headers["ETag"] == '"1"'
    shown = api.get(f"wallets/{body['wallet_id']}")
    assert shown.json == body | {"balance": "0.00", "status": "active", "sequence": 1}
    assert {name: body[name] for name in wanted} == wanted


def test_the_same_key_for_other_content_is_refused(api: Api) -> None:
    """With 422, again and again; what the key was first used for stays."""
    wallet = api.wallet()
    data = {"wallet_id": wallet, "amount": "5"}
    assert api.post("deposits", data, "other-1").status == 201
    for _ in range(2):
        reply = api.post("deposits", data | {"amount": "6"}, "other-1")
        assert problem(reply, 422, "idempotency_key_reused")["param"] == "Idempotency-Key"
    assert api.balance(wallet) == "5.00"


def test_a_command_needs_a_key(api: Api) -> None:
    """Every one of them: without it nothing is done."""
    wallet = api.wallet("5")
    data = {"wallet_id": wallet, "amount": "1", "delay": 60, "phone_number": PHONE}
    for path, names in {
        "wallets": (),
        "deposits": ("wallet_id", "amount"),
        "charge-sales": ("wallet_id", "amount", "phone_number"),
        "credit-requests": ("wallet_id", "amount"),
        "withdrawals": ("wallet_id", "amount", "delay"),
    }.items():
        reply = api.post(path, {name: data[name] for name in names}, key=None)
        problem(reply, 400, "idempotency_key_missing")
    reply = api.post(f"wallets/{wallet}/status", {"status": "suspended"}, key=None)
    problem(reply, 400, "idempotency_key_missing")
    assert api.get(f"wallets/{wallet}").json["sequence"] == 2


def test_many_with_one_key_move_money_once(api: Api) -> None:
    """Twenty at once: one is done; the others are in its way, or get its answer."""
    wallet = api.wallet()
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(20) as threads:
        deposits = [
            threads.submit(api.post, "deposits", {"wallet_id": wallet, "amount": "7"}, key)
            for _ in range(20)
        ]
        replies = [each.result() for each in deposits]
    assert {reply.status for reply in replies} <= {201, 409}
    for reply in replies:
        if reply.status == 409:
            assert problem(reply, 409, "idempotency_key_in_use")["retryable"]
            assert reply.headers["Retry-After"] == "1"
    done = [reply.json for reply in replies if reply.status == 201]
    assert done
    assert all(body == done[0] for body in done)
    assert api.balance(wallet) == "7.00"
    assert api.post("deposits", {"wallet_id": wallet, "amount": "7"}, key).json == done[0]


def test_money_moves_and_comes_back(api: Api) -> None:
    """A transfer, a sale and a refund: each tells its transaction, which is there to be read."""
    mine, yours = api.wallet("100"), api.wallet()
    note = {"reference": "order 17", "metadata": {"cart": "9"}}
    paid = api.made("transfers", {"wallet_id": mine, "to_wallet_id": yours, "amount": "30", **note})
    assert (paid["amount"], paid["balance"], paid["kind"]) == ("30.00", "70.00", "transfer")
    found = api.gateway.get(paid["url"].partition("/v1/")[1] + paid["url"].partition("/v1/")[2])
    assert found["entries"] == [
        {"account": mine, "amount": "-30.00", "currency": "IRR"},
        {"account": yours, "amount": "30.00", "currency": "IRR"},
    ]
    assert {name: found[name] for name in note} == note
    sold = api.made("charge-sales", {"wallet_id": mine, "phone_number": PHONE, "amount": "20"})
    assert (sold["balance"], sold["phone_number"]) == ("50.00", PHONE)
    back = {"wallet_id": mine, "transaction_id": paid["transaction_id"]}
    assert api.made("refunds", back | {"amount": "10.5"})["amount"] == "10.50"
    rest = api.made("refunds", back)
    assert (rest["amount"], rest["balance"]) == ("19.50", "80.00")
    told = problem(api.post("refunds", back), 409, "already_refunded")
    assert told["context"] == {"paid": "30.00", "refunded": "30.00", "refundable": "0.00"}
    assert api.balance(yours) == "0.00"


def test_a_withdrawal_is_scheduled_and_called_off(api: Api) -> None:
    """Once; what has been called off cannot be again."""
    wallet = api.wallet("100")
    wanted = {"wallet_id": wallet, "amount": "40.00", "delay": "PT1H", "target": "IR0501"}
    made = api.post("withdrawals", wanted)
    assert made.status == 201
    body = made.json
    path = f"withdrawals/{body['withdrawal_id']}"
    assert made.headers["Location"] == body["url"]
    assert (body["status"], body["target"], body["amount"]) == ("scheduled", "IR0501", "40.00")
    assert api.get(path).json == body
    gone = api.made(f"{path}/cancel")
    assert gone["status"] == "cancelled"
    assert api.get(path).json == gone
    problem(api.post(f"{path}/cancel"), 409, "withdrawal_not_scheduled")
    problem(api.post(f"withdrawals/{NOBODY}/cancel"), 404, "withdrawal_not_found")


def test_credit_is_decided_once(api: Api) -> None:
    """Fifty approvals at once give the money once; a rejection gives none."""
    wallet = api.wallet()
    asked = api.made("credit-requests", {"wallet_id": wallet, "amount": "500"})
    assert (asked["status"], asked["by"]) == ("pending", None)
    path = f"credit-requests/{asked['credit_request_id']}"
    with ThreadPoolExecutor(50) as threads:
        several = [threads.submit(api.post, f"{path}/approve", {"by": "Reza"}) for _ in range(50)]
        replies = [each.result() for each in several]
    assert sorted({reply.status for reply in replies}) == [200, 409]
    assert sum(reply.status == 200 for reply in replies) == 1
    assert api.balance(wallet) == "500.00"
    assert api.get(path).json["by"] == "Reza"
    problem(api.post(f"{path}/reject"), 409, "credit_request_not_pending")
    other = api.made("credit-requests", {"wallet_id": wallet, "amount": "1"})
    ended = api.made(f"credit-requests/{other['credit_request_id']}/reject", {"reason": "late"})
    assert (ended["status"], ended["reason"]) == ("rejected", "late")
    assert api.balance(wallet) == "500.00"


def _refusals(wallet: str, empty: str, euro: str) -> Iterator[tuple[str, Any, int, str, str]]:
    sale = {"wallet_id": wallet, "phone_number": PHONE}
    pay = {"wallet_id": wallet, "to_wallet_id": empty}
    later = {"wallet_id": wallet, "amount": "1"}
    yield "charge-sales", sale | {"amount": "11"}, 402, "insufficient_funds", "amount"
    yield "charge-sales", sale | {"amount": "0"}, 422, "amount_not_positive", "amount"
    yield "charge-sales", sale | {"amount": "-1"}, 422, "amount_not_positive", "amount"
    yield "charge-sales", sale | {"amount": "1.001"}, 422, "amount_precision", "amount"
    yield "charge-sales", sale | {"amount": "9" * 39}, 422, "amount_too_large", "amount"
    yield "charge-sales", sale | {"amount": "1e3"}, 400, "invalid_field", "amount"
    yield "charge-sales", sale | {"amount": 1}, 400, "invalid_field", "amount"
    yield "charge-sales", sale | {"amount": 0.1}, 400, "invalid_field", "amount"
    yield "charge-sales", sale, 400, "missing_field", "amount"
    yield "charge-sales", sale | {"amount": "1", "note": ""}, 400, "unknown_field", "note"
    yield (
        "charge-sales",
        sale | {"amount": "1", "currency": "EUR"},
        422,
        "currency_mismatch",
        ("currency"),
    )
    yield (
        "transfers",
        pay | {"amount": "1", "to_wallet_id": wallet},
        422,
        "same_wallet",
        ("to_wallet_id"),
    )
    yield (
        "transfers",
        pay | {"amount": "1", "to_wallet_id": NOBODY},
        404,
        "wallet_not_found",
        ("to_wallet_id"),
    )
    yield (
        "transfers",
        pay | {"amount": "1", "to_wallet_id": euro},
        422,
        "currency_mismatch",
        ("to_wallet_id"),
    )
    yield "deposits", {"wallet_id": "x", "amount": "1"}, 400, "invalid_field", "wallet_id"
    yield "wallets", {"wallet_id": wallet}, 409, "wallet_exists", "wallet_id"
    yield "wallets", {"currency": "XXX"}, 400, "invalid_field", "currency"
    yield "withdrawals", later, 400, "missing_field", "due_at"
    yield (
        "withdrawals",
        later | {"delay": 1, "due_at": "2030-01-01T00:00:00Z"},
        400,
        ("invalid_field"),
        "delay",
    )
    yield (
        "withdrawals",
        later | {"due_at": "2020-01-01T00:00:00Z"},
        422,
        ("due_not_in_future"),
        "due_at",
    )
    yield "withdrawals", later | {"due_at": "2020-01-01T00:00:00"}, 400, "invalid_field", "due_at"
    yield "withdrawals", later | {"delay": 1, "target": NOBODY}, 404, "target_not_found", "target"
    yield (
        "refunds",
        {"wallet_id": wallet, "transaction_id": NOBODY},
        404,
        ("transaction_not_found"),
        "transaction_id",
    )


def test_refusals_are_problems_and_a_dry_run_tells_the_same(api: Api, ledger: Settings) -> None:
    """Status, code, param and numbers, whether it is tried or done; the trial leaves no trace."""
    wallet, empty, euro = api.wallet("10"), api.wallet(), api.wallet(currency="EUR")
    for path, body, status, code, param in _refusals(wallet, empty, euro):
        before = commands(ledger)
        tried = problem(api.post(f"{path}?dry_run=true", body, key=None), status, code)
        assert commands(ledger) == before
        told = problem(api.post(path, body), status, code)
        assert told["param"] == tried["param"] == param, told
        assert set(told["context"]) == set(tried["context"])
    assert api.balance(wallet) == "10.00"


def test_a_dry_run_tells_what_would_be_and_does_nothing(api: Api, ledger: Settings) -> None:
    """Balance, sequence and entries as the command has them that is sent after it."""
    mine, yours = api.wallet("100"), api.wallet("1")
    paid = api.made("transfers", {"wallet_id": mine, "to_wallet_id": yours, "amount": "30"})
    asked = api.made("credit-requests", {"wallet_id": mine, "amount": "5"})
    due = api.made("withdrawals", {"wallet_id": mine, "amount": "5", "delay": 3600})
    for path, body in {
        "deposits": {"wallet_id": mine, "amount": "2"},
        "transfers": {"wallet_id": mine, "to_wallet_id": yours, "amount": "3"},
        "charge-sales": {"wallet_id": mine, "phone_number": PHONE, "amount": "4"},
        "refunds": {"wallet_id": mine, "transaction_id": paid["transaction_id"]},
        "wallets": {"currency": "EUR"},
        f"wallets/{yours}/status": {"status": "suspended"},
        "withdrawals": {"wallet_id": mine, "amount": "5", "delay": 60},
        f"withdrawals/{due['withdrawal_id']}/cancel": {},
        "credit-requests": {"wallet_id": mine, "amount": "6"},
        f"credit-requests/{asked['credit_request_id']}/approve": {"by": "Reza"},
    }.items():
        before = commands(ledger)
        reply = api.post(f"{path}?dry_run=true", body, key=None)
        assert reply.status == 200, reply
        assert reply.json["dry_run"] is True
        assert commands(ledger) == before
        done = api.made(path, body)
        same = ("status", "balance", "sequence", "amount", "kind", "currency", "by", "target")
        would = reply.json
        assert {n: would[n] for n in same if n in would} == {n: done[n] for n in same if n in done}
        if "entries" in would:
            entries = api.get(f"transactions/{done['transaction_id']}").json["entries"]
            key = str
            assert sorted(would["entries"], key=key) == sorted(entries, key=key)


def test_a_key_belongs_to_a_first_answer_even_if_it_was_no(api: Api) -> None:
    """A refusal stays; a mistake in the form does not use the key up."""
    wallet = api.wallet()
    data = {"wallet_id": wallet, "phone_number": PHONE, "amount": "1"}
    problem(api.post("charge-sales", data, "stays-1"), 402, "insufficient_funds")
    api.made("deposits", {"wallet_id": wallet, "amount": "1"})
    again = api.post("charge-sales", data, "stays-1")
    problem(again, 402, "insufficient_funds")
    assert again.headers["Idempotency-Replayed"] == "true"
    bad = data | {"effective_at": "yesterday"}
    problem(api.post("charge-sales", bad, "stays-2"), 400, "invalid_field")
    assert api.post("charge-sales", data, "stays-2").status == 201
