"""The console's parts, alone: words, forms' tokens, the chart, who may resolve."""

import pytest

from consumers.bank.policy import State
from producers import resolving
from producers.http.console import commands, forms, overview, tokens, transactions, words
from producers.http.console.entering import place_of
from producers.http.console.watching import Point
from producers.http.errors import EarlyError
from producers.http.people import sessions
from producers.http.people.principal import OPEN, Principal
from producers.http.people.roles import Role
from producers.http.reading_bodies import FORM_TYPE
from schemas.accounts import WORLD
from schemas.commands import TYPES, kind_of
from schemas.statuses import (
    BANK_CALL_STATES,
    CREDIT_REQUEST_STATUSES,
    STATUSES,
    WITHDRAWAL_STATUSES,
)

SARA = Principal("user", "sara", Role.ADMIN, id=12)


def test_all_that_the_ledger_says_has_words() -> None:
    """Every kind of command, every account of the world, every status."""
    assert set(words.KINDS) == {kind_of(name) for name in TYPES}
    assert set(words.WORLD) == set(WORLD)
    assert set(words.TONES) >= {*STATUSES, *WITHDRAWAL_STATUSES, *CREDIT_REQUEST_STATUSES}


def test_the_bank_callers_states_are_those_of_its_table() -> None:
    """Two rooms that do not know each other count them alike."""
    assert tuple(state.name.lower() for state in State) == BANK_CALL_STATES


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.00", "0.00"),
        ("1234567.50", "1,234,567.50"),
        ("-1000", "-1,000"),
        ("99999999999999999999.99", "99,999,999,999,999,999,999.99"),
        (None, "-"),
    ],
)
def test_amounts_are_texts_with_their_thousands_apart(text: str | None, shown: str) -> None:
    """Every digit is kept: no amount is ever a float."""
    assert words.amount(text) == shown


def test_each_currency_of_a_transaction_has_its_sums() -> None:
    """The largest amounts keep every digit; a currency without decimals has none."""
    most = "9" * 36 + ".99"
    amounts = ((f"-{most}", "EUR"), (most, "EUR"), ("-8120", "JPY"), ("8120", "JPY"))
    entries = [{"amount": amount, "currency": currency} for amount, currency in amounts]
    wanted = [("EUR", most, most), ("JPY", "8120", "8120")]
    assert transactions.sums({"entries": entries}) == wanted


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59.9, "59 s"), (3600, "1 h"), (90_061, "1 d 1 h")]
)
def test_spans_are_told_in_two_units(seconds: float, shown: str) -> None:
    """The largest ones."""
    assert words.span(seconds) == shown


def test_a_forms_token_is_of_one_person_in_one_browser() -> None:
    """Its secret is the session, else what the browser shows, else a cookie of its own."""
    mine = {"Cookie": f"{sessions.COOKIE}=wst_mine"}
    secret, fresh = tokens.secret_of(mine)
    assert fresh is None
    token = tokens.token_of(secret, SARA)
    assert tokens.is_right(token, mine, SARA)
    assert not tokens.is_right(token, mine, OPEN)
    assert not tokens.is_right("", mine, SARA)
    assert not tokens.is_right("é", mine, SARA)
    assert not tokens.is_right(token, {"Cookie": f"{sessions.COOKIE}=wst_other"}, SARA)
    assert not tokens.is_right(token, {}, SARA)
    basic = {"Authorization": "Basic eA=="}
    assert tokens.is_right(tokens.token_of("Basic eA==", SARA), basic, SARA)


def test_a_session_is_for_tls_where_there_is_tls() -> None:
    """As a proxy says, or the browser itself."""
    assert not sessions.is_secure({})
    assert not sessions.is_secure({"Origin": "http://h"})
    assert sessions.is_secure({"Origin": "https://h"})
    assert sessions.is_secure({"X-Forwarded-Proto": "https"})
    assert "; Secure" in sessions.cookie("a", "b", is_secure=True)


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/console/wallets?q=x", "/console/wallets?q=x"),
        ("/console", "/console"),
        (None, "/console"),
        ("//evil.example/console", "/console"),
        ("https://evil.example", "/console"),
        ("/consoles", "/console"),
        ("/console/\r\nX: y", "/console"),
    ],
)
def test_a_login_leads_on_within_the_console(wanted: str | None, place: str) -> None:
    """And nowhere else."""
    assert place_of(wanted) == place


@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/json", b"{}"), (FORM_TYPE, b"\xff"), (FORM_TYPE, b"a=%00")],
)
def test_what_is_no_form_is_refused(kind: str, body: bytes) -> None:
    """A cross-site script can send no form that is one without being asked for its token."""
    with pytest.raises(EarlyError):
        forms.read(kind, body)


def test_the_chart_has_gaps_where_nobody_looked() -> None:
    """Two lines; its top is the most there was."""
    points = [Point(1.0, 5.0), Point(2.0, 10.0), Point(50.0, None), Point(51.0, 2.0)]
    chart = overview.chart_of(points)
    assert len(chart.lines) == len(chart.areas) == 2
    assert chart.most == 10.0
    assert chart.lines[1].split(",")[0] == f"{overview.WIDTH:.1f}"
    assert overview.chart_of([]).lines == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a":[1]}', '{\n  "a": [\n    1\n  ]\n}'),
        ('{"a":', '{"a":'),
        ("\ud800", "\ud800"),
        ("[" * 5000 + "]" * 5000, "[" * 5000 + "]" * 5000),
        ('{"a":' * 3000, '{"a":' * 3000),
    ],
)
def test_a_record_is_shown_whatever_it_is(text: str, shown: str) -> None:
    """With its lines where it is JSON; a command that was refused for its depth is none."""
    assert commands.pretty(text) == shown


def test_only_what_the_bank_left_open_is_resolved() -> None:
    """Not what is done, and not what the bank caller is at work on."""
    assert resolving.refusal("needs_review", "review", is_paid=True) is None
    assert resolving.refusal("executing", "review", is_paid=False) is None
    for status in ("scheduled", "paid", "failed", "cancelled"):
        assert resolving.refusal(status, None, is_paid=True) is not None
    for status in ("executing", "needs_review"):
        assert "has paid" in (resolving.refusal(status, "paid", is_paid=False) or "")
    assert resolving.refusal("needs_review", "paid", is_paid=True) is None
    for calls in (None, "sending", "unknown", "not_done"):
        assert "at work" in (resolving.refusal("executing", calls, is_paid=True) or "")
