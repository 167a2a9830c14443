"""What a bank's answers mean: certain only where they can mean nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.bank.outcomes import (
    Answer,
    Kind,
    Outcome,
    classify,
    classify_status,
    plain,
    unanswered,
    unconnected,
)

KEY = "01a1f866-0d7b-84d9-8291-0f5cd2dffd2e"
OTHER = "01a1f866-0d7b-84d9-8291-000000000000"
PAID = {"data": "success", "status": 200}
FAILED = {"data": "failed", "status": 503}


def said(status: int, body: Any, **headers: str) -> Outcome:  # noqa: ANN401 - whatever JSON holds
    """The outcome of an answer with this JSON body."""
    return classify(Answer(status, json.dumps(body).encode(), **headers), KEY)


def test_the_seeds_bank_is_understood() -> None:
    """Two answers, both with HTTP 200: the body decides."""
    assert said(200, PAID) == Outcome(Kind.PAID, of_key=True)
    assert said(200, FAILED).kind is Kind.NOT_DONE
    assert said(503, FAILED).kind is Kind.NOT_DONE
    assert said(200, FAILED).of_key


@pytest.mark.parametrize("status", [202, 204, 302, 400, 409, 429, 500, 503])
def test_success_under_a_wrong_status_is_unknown(status: int) -> None:
    """Somebody on the way contradicts the bank."""
    assert said(status, PAID).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        {"data": "success"},
        {"data": "success", "status": 503},
        {"data": "success", "status": "200"},
        {"data": "success", "status": True},
        {"data": ["success"], "status": 200},
        {"data": "failed", "status": 200},
        {"data": "failed", "status": 500},
        {"data": "pending", "status": 200},
        [PAID],
        "success",
        None,
    ],
)
def test_what_is_not_said_clearly_is_unknown(body: object) -> None:
    """Wrong types, missing parts, words that nobody agreed on."""
    assert said(200, body).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"data": "succ', b"\xff", b"<html>", json.dumps(PAID).encode() * 2]
)
def test_what_is_not_one_json_document_is_unknown(body: bytes) -> None:
    """Cut off, doubled, or something else."""
    assert classify(Answer(200, body), KEY).kind is Kind.UNKNOWN


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 451])
def test_a_definite_refusal(status: int) -> None:
    """Trying again is of no use. Only the bank's own words hold for earlier calls too."""
    plain_refusal = classify(Answer(status, b"Go away"), KEY)
    assert (plain_refusal.kind, plain_refusal.of_key) == (Kind.REFUSED, False)
    own = said(status, {"data": "refused", "status": 422, "reason": "account\nclosed"})
    assert (own.kind, own.of_key) == (Kind.REFUSED, True)
    assert own.reason == f"the bank answered HTTP {status}: account closed"
    in_body = said(200, {"data": "failed", "status": status})
    assert (in_body.kind, in_body.of_key) == (Kind.REFUSED, True)


@pytest.mark.parametrize("status", [408, 409, 425])
def test_refusals_of_a_moment_say_nothing(status: int) -> None:
    """A conflict may be with the call that is just paying."""
    assert said(status, {"data": "refused"}).kind is Kind.UNKNOWN
    assert said(200, {"data": "failed", "status": status}).kind is Kind.UNKNOWN


def test_a_key_that_was_used_for_another_order_says_nothing() -> None:
    """Of what was done under it then."""
    assert said(422, {"data": "reused", "status": 422}).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("", 0),
        ("-1", 0),
        ("1e9", 0),
        ("٣", 0),
        ("9" * 30, 0),
        ("999999", 86_400),
    ],
)
def test_too_many_requests_is_not_done(text: str, seconds: float) -> None:
    """And may say for how long."""
    outcome = classify(Answer(429, b"slow down", retry_after=text), KEY)
    assert (outcome.kind, outcome.of_key, outcome.down) == (Kind.NOT_DONE, False, False)
    assert outcome.retry_after == seconds


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_server_error_is_unknown_and_counts_as_down(status: int) -> None:
    """It may have broken before or after paying."""
    outcome = classify(Answer(status, b"oops"), KEY)
    assert (outcome.kind, outcome.down) == (Kind.UNKNOWN, True)


@pytest.mark.parametrize("body", [PAID, FAILED, {"data": "refused", "status": 422}])
@pytest.mark.parametrize("status", [200, 422, 429, 503])
def test_an_answer_for_another_order_is_unknown(body: dict[str, Any], status: int) -> None:
    """Whatever it says, wherever it names the other."""
    assert said(status, {**body, "key": OTHER}).kind is Kind.UNKNOWN
    assert said(status, {**body, "withdrawal_id": OTHER}).kind is Kind.UNKNOWN
    assert said(status, {**body, "key": KEY, "withdrawal_id": OTHER}).kind is Kind.UNKNOWN
    assert said(status, body, key=OTHER).kind is Kind.UNKNOWN


def test_an_answer_that_names_the_order_is_told_apart() -> None:
    """Only after such a one is a connection kept."""
    assert not said(200, PAID).named
    assert said(200, {**PAID, "key": KEY}).named
    assert said(200, {**PAID, "withdrawal_id": KEY}).named
    assert said(200, PAID, key=KEY).named


def test_what_became_of_an_order() -> None:
    """Only what is said of the key counts."""

    def asked(status: int, body: object) -> Kind:
        return classify_status(Answer(status, json.dumps(body).encode()), KEY).kind

    assert asked(200, {"data": "success", "key": KEY}) is Kind.PAID
    assert asked(200, PAID) is Kind.PAID
    assert asked(200, {"data": "failed"}) is Kind.NOT_DONE
    assert asked(200, FAILED) is Kind.NOT_DONE
    assert asked(200, {"data": "refused"}) is Kind.REFUSED
    assert asked(200, {"data": "failed", "status": 422}) is Kind.REFUSED
    assert asked(200, {"data": "failed", "status": 409}) is Kind.UNKNOWN
    assert asked(200, {"data": "pending"}) is Kind.UNKNOWN
    assert asked(404, {"data": "unknown", "status": 404, "key": KEY}) is Kind.UNSEEN
    assert asked(404, {"key": OTHER}) is Kind.UNKNOWN
    assert asked(200, {"data": "failed", "key": OTHER}) is Kind.UNKNOWN
    for status in (401, 403, 409, 422, 429, 500, 503):
        assert asked(status, FAILED) is Kind.UNKNOWN


def test_no_connection_is_no_call() -> None:
    """Nothing was sent; once something was, nobody knows."""
    assert unconnected("refused").kind is Kind.NOT_DONE
    assert not unconnected("refused").of_key
    assert unanswered("reset").kind is Kind.UNKNOWN
    assert unconnected("").down
    assert unanswered("").down


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
_word = st.sampled_from(["success", "failed", "refused", "pending", "Success", ""])
_number = st.sampled_from([200, 201, 202, 400, 404, 408, 409, 422, 425, 429, 500, 503])
_bodies = st.fixed_dictionaries(
    {},
    optional={
        "data": _word | _json,
        "status": _number | _json,
        "key": st.sampled_from([KEY, OTHER]) | _json,
        "withdrawal_id": st.sampled_from([KEY, OTHER]) | _json,
        "reason": st.text(max_size=300) | _json,
    },
).map(lambda body: json.dumps(body).encode())
_answers = st.builds(
    Answer,
    status=_number | st.integers(0, 999),
    body=_bodies | st.binary(max_size=200) | st.just(b"[" * 100_000),
    key=st.none() | st.sampled_from([KEY, OTHER]) | st.text(max_size=5),
    retry_after=st.none() | st.text(max_size=12),
)


def _names_another(body: bytes) -> bool:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    return any(found.get(name) not in (None, KEY) for name in ("key", "withdrawal_id"))


@given(_answers)
def test_any_answer_is_one_outcome(answer: Answer) -> None:
    """Never an exception; and what is certain is backed by what was said."""
    for outcome in (classify(answer, KEY), classify_status(answer, KEY)):
        assert isinstance(outcome.kind, Kind)
        assert (outcome.reason == "") == (outcome.kind is Kind.PAID)
        assert len(outcome.reason) < 256
        assert outcome.reason.isprintable()
        assert 0 <= outcome.retry_after <= 86_400
        if outcome.kind in (Kind.PAID, Kind.NOT_DONE, Kind.REFUSED):
            assert not _names_another(answer.body)
            assert answer.key in (None, KEY)
        if outcome.kind is Kind.PAID:
            assert answer.status in (200, 201)
            assert b"success" in answer.body
        if outcome.kind is Kind.NOT_DONE:
            assert answer.status in (200, 429, 503)


@given(st.text())
def test_any_words_become_a_short_line(text: str) -> None:
    """A bank's words stand in the log, in the database and in the ledger's events."""
    assert plain(text).isprintable()
    assert len(plain(text)) <= 160
