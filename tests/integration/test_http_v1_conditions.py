"""Conditions: who names a version reads it once, and changes that one or nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from producers.message import uuid7
from tests.apis import Api, problem

pytestmark = pytest.mark.integration


def test_a_withdrawal_is_cancelled_as_it_was_seen(api: Api) -> None:
    """Another version than the one there is cancels nothing, and uses no key up."""
    wanted = {"wallet_id": api.wallet("5"), "amount": "5", "delay": "PT1H"}
    made = api.post("withdrawals", wanted)
    tag = made.headers["ETag"]
    path = f"withdrawals/{made.json['withdrawal_id']}"
    assert api.get(path).headers["ETag"] == tag
    same = api.get(path, If_None_Match=f'"x", W/{tag}')
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
    key = uuid7()
    for other in ('"scheduled-1"', f"W/{tag}", "scheduled", ""):
        told = problem(
            api.post(f"{path}/cancel", key=key, If_Match=other), 412, "precondition_failed"
        )
        assert (told["param"], told["context"]) == ("If-Match", {"given": other, "current": tag})
    problem(api.post(f"{path}/cancel?dry_run=true", If_Match='"1"'), 412, "precondition_failed")
    assert api.get(path).json["status"] == "scheduled"
    done = api.post(f"{path}/cancel", key=key, If_Match=f'"x", {tag}')
    assert (done.status, done.json["status"]) == (200, "cancelled")
    assert done.headers["ETag"] == api.get(path).headers["ETag"] != tag
    again = api.post(f"{path}/cancel", key=key, If_Match=f'"x", {tag}')
    assert (again.status, again.json) == (200, done.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    problem(api.post(f"{path}/cancel", If_Match=tag), 412, "precondition_failed")
    problem(api.post(f"{path}/cancel", If_Match="*"), 409, "withdrawal_not_scheduled")


def test_of_many_who_decide_on_one_version_one_does(api: Api) -> None:
    """Whether the gateway sees that it has passed, or the ledger: all others are told 412."""
    wallet = api.wallet()
    for _ in range(3):
        made = api.post("credit-requests", {"wallet_id": wallet, "amount": "7"})
        path, tag = f"credit-requests/{made.json['credit_request_id']}", made.headers["ETag"]
        before = api.balance(wallet)
        verbs = ["approve", "reject"] * 8
        with ThreadPoolExecutor(16) as threads:
            several = [
                threads.submit(api.post, f"{path}/{verb}", None, "new", If_Match=tag)
                for verb in verbs
            ]
            replies = [each.result() for each in several]
        assert sorted(reply.status for reply in replies) == [200] + [412] * 15
        for reply in replies:
            if reply.status == 412:
                problem(reply, 412, "precondition_failed")
        found = api.get(path)
        (won,) = [reply for reply in replies if reply.status == 200]
        assert (found.json["status"], found.headers["ETag"]) == (
            won.json["status"],
            won.headers["ETag"],
        )
        assert (api.balance(wallet) != before) == (found.json["status"] == "approved")
        assert api.get(path, If_None_Match=won.headers["ETag"]).status == 304


def test_a_wallet_is_frozen_as_it_was_seen(api: Api) -> None:
    """Whatever has changed it since: the ledger itself looks, at the moment of its decision."""
    wallet = api.wallet("5")
    path, body = f"wallets/{wallet}/status", {"status": "suspended"}
    tag = api.get(f"wallets/{wallet}").headers["ETag"]
    assert tag == '"2"'
    problem(api.post(path, body, If_Match='"1"'), 412, "sequence_mismatch")
    for other in (f"W/{tag}", '"02"', '"two"', '"2', ""):
        told = problem(api.post(path, body, If_Match=other), 412, "precondition_failed")
        assert told["context"] == {"given": other}
    told = problem(api.post(f"{path}?dry_run=true", body, If_Match='"9"'), 412, "sequence_mismatch")
    assert told["context"] == {"wallet_id": wallet, "sequence": "2", "if_sequence": "9"}
    problem(api.post(path, body, If_Match='"1", "2"'), 400, "invalid_request")
    with ThreadPoolExecutor(10) as threads:
        several = [
            threads.submit(api.post, path, {"status": status}, "new", If_Match=tag)
            for status in ["suspended", "deactivated"] * 5
        ]
        replies = [each.result() for each in several]
    assert sorted(reply.status for reply in replies) == [200] + [412] * 9
    (won,) = [reply for reply in replies if reply.status == 200]
    assert won.headers["ETag"] == '"3"'
    assert api.get(f"wallets/{wallet}").json == won.json
    key = uuid7()
    done, again = (api.post(path, {"status": "active"}, key, If_Match='"3"') for _ in range(2))
    assert (done.status, again.status, done.json) == (200, 200, again.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api.post(path, body, If_Match="*").status == 200


def test_a_guard_that_would_be_none_is_refused(api: Api) -> None:
    """Nobody pays in the belief that a version is looked at."""
    wallet = api.wallet("5")
    body = {"wallet_id": wallet, "amount": "1"}
    told = problem(api.post("deposits", body, If_Match='"2"'), 400, "invalid_request")
    assert told["param"] == "If-Match"
    assert api.balance(wallet) == "5.00"
    assert api.post("deposits", body, If_Match="*").status == 201
