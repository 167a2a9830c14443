"""What is done about a withdrawal: never fail what may be paid, never call what is decided."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.bank.outcomes import Kind, Outcome
from consumers.bank.policy import (
    TERMINAL,
    Do,
    Rules,
    Standing,
    State,
    begun,
    give_up,
    is_over,
    learn,
    next_step,
    pause,
    rules_of,
)
from schemas.settings import Settings

RULES = Rules(
    tries=3, backoff=1.0, backoff_max=60.0, unknown_limit=900.0, knows_keys=True, can_ask=False
)
KEYLESS = msgspec.structs.replace(RULES, knows_keys=False)
PAID = Outcome(Kind.PAID, of_key=True)
REFUSED = Outcome(Kind.REFUSED, "account closed", of_key=True)
FAILED = Outcome(Kind.NOT_DONE, "failed, 503", of_key=True)
BUSY = Outcome(Kind.NOT_DONE, "HTTP 429", retry_after=7.0)
UNCONNECTED = Outcome(Kind.NOT_DONE, "refused", down=True)
UNKNOWN = Outcome(Kind.UNKNOWN, "timeout", down=True)
FORBIDDEN = Outcome(Kind.REFUSED, "HTTP 401")


def after(*outcomes: Outcome, rules: Rules = RULES) -> Standing:
    """The standing after calls with these outcomes."""
    standing = Standing()
    for outcome in outcomes:
        standing = learn(begun(standing), outcome, rules)
    return standing


def what(standing: Standing, rules: Rules = RULES) -> Do:
    """What is done next."""
    return next_step(standing, rules, 0.5).do


def test_the_first_call_is_made_at_once() -> None:
    """A withdrawal that is executing has not been called for yet."""
    assert next_step(Standing(), RULES, 0.5).do is Do.CALL
    assert next_step(Standing(), RULES, 0.5).after == 0


def test_paid_is_settled_and_refused_fails() -> None:
    """The two plain ends."""
    assert what(after(PAID)) is Do.SETTLE
    assert what(after(REFUSED)) is Do.FAIL
    assert what(after(FORBIDDEN)) is Do.FAIL


def test_three_answers_not_done_are_a_failure() -> None:
    """The third says in how many tries."""
    assert what(after(FAILED)) is Do.CALL
    assert what(after(FAILED, BUSY)) is Do.CALL
    end = after(FAILED, BUSY, FAILED)
    assert what(end) is Do.FAIL
    assert end.note == "not done in 3 tries: failed, 503"


def test_a_connection_that_was_not_made_is_no_try() -> None:
    """Or a bank that is down for minutes would fail all withdrawals of these minutes."""
    end = after(*[UNCONNECTED] * 1000)
    assert (end.not_done, what(end)) == (0, Do.CALL)
    assert what(after(*[UNCONNECTED] * 9, FAILED, FAILED)) is Do.CALL


def test_an_unknown_outcome_is_repeated_with_the_key() -> None:
    """Or asked for, where the bank can be asked."""
    assert what(after(UNKNOWN)) is Do.CALL
    asking = msgspec.structs.replace(RULES, can_ask=True)
    assert what(after(UNKNOWN), asking) is Do.ASK
    assert what(after(FAILED), asking) is Do.CALL


def test_a_bank_without_keys_is_not_called_again_in_doubt() -> None:
    """It would pay twice."""
    assert what(after(UNKNOWN, rules=KEYLESS)) is Do.REVIEW
    assert what(after(FAILED, rules=KEYLESS), KEYLESS) is Do.CALL
    found = Standing(State.SENDING, calls=1, doubt=True)
    assert is_over(found, 0, KEYLESS)
    assert not is_over(found, 0, RULES)


def test_what_is_unknown_for_too_long_is_a_persons() -> None:
    """Only what is unknown: a definite state has no limit."""
    open_ = after(UNKNOWN)
    assert not is_over(open_, 899.9, RULES)
    assert is_over(open_, 900.0, RULES)
    assert what(give_up(open_, 901)) is Do.REVIEW
    assert give_up(open_, 901).note == "unknown for 901 s, 1 calls; timeout"
    assert not is_over(after(FAILED), 10**6, RULES)
    assert not is_over(after(PAID), 10**6, RULES)


@pytest.mark.parametrize("later", [UNCONNECTED, BUSY, FORBIDDEN])
def test_in_doubt_only_words_about_the_key_count(later: Outcome) -> None:
    """That the second call was not made says nothing of the first."""
    standing = after(UNKNOWN, *[later] * 10)
    assert (standing.state, standing.not_done) == (State.UNKNOWN, 0)
    assert what(standing) is Do.CALL


def test_a_word_about_the_key_ends_the_doubt() -> None:
    """With a bank that knows keys it is the truth, and a try like any other."""
    assert after(UNKNOWN, FAILED).state is State.NOT_DONE
    assert what(after(UNKNOWN, FAILED, FAILED)) is Do.CALL
    assert what(after(UNKNOWN, FAILED, FAILED, FAILED)) is Do.FAIL
    assert what(after(UNKNOWN, REFUSED)) is Do.FAIL
    assert what(after(UNKNOWN, FAILED, BUSY, BUSY)) is Do.FAIL


def test_pauses_grow_up_to_a_limit() -> None:
    """Doubled after each call, spread by a quarter, never shorter than the bank asks for."""
    middle = [pause(Standing(calls=calls), RULES, 0.5) for calls in range(1, 9)]
    assert middle == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause(Standing(calls=3), RULES, 0) == 3
    assert pause(Standing(calls=3), RULES, 1) == 5
    assert pause(Standing(calls=10**9), RULES, 0.5) == 60
    assert pause(after(BUSY), RULES, 0.5) == 7
    assert pause(Standing(calls=1, retry_after=1e5), RULES, 0.5) == 60


def test_the_rules_are_the_settings() -> None:
    """Each of them by its name."""
    settings = Settings(
        bank_tries=4,
        bank_backoff=0.5,
        bank_backoff_max=9,
        bank_unknown_limit=77,
        bank_knows_keys=False,
        bank_status_url="http://bank.example/{key}",
    )
    assert rules_of(settings) == Rules(4, 0.5, 9.0, 77.0, knows_keys=False, can_ask=True)


_outcomes = st.lists(
    st.sampled_from([PAID, REFUSED, FAILED, BUSY, UNCONNECTED, UNKNOWN, FORBIDDEN]), max_size=12
)


_rules = st.builds(
    Rules,
    tries=st.integers(1, 4),
    backoff=st.just(1.0),
    backoff_max=st.just(60.0),
    unknown_limit=st.just(900.0),
    knows_keys=st.booleans(),
    can_ask=st.booleans(),
)


@given(_outcomes, _rules)
def test_money_returns_only_on_the_banks_last_word(outcomes: list[Outcome], rules: Rules) -> None:
    """Whatever happens: FAIL needs a last word that it was not done, and no doubt left open."""
    standing, in_doubt = Standing(), False
    for outcome in outcomes:
        if next_step(standing, rules, 0.5).do not in (Do.CALL, Do.ASK):
            break
        standing = learn(begun(standing), outcome, rules)
        in_doubt = (in_doubt and not outcome.of_key) or outcome is UNKNOWN
    do = what(standing, rules)
    if do is Do.FAIL:
        assert not in_doubt
    if in_doubt:
        again = Do.ASK if rules.can_ask else Do.CALL
        assert do is (again if rules.knows_keys else Do.REVIEW)
    assert (standing.state in TERMINAL) == (do in (Do.SETTLE, Do.FAIL, Do.REVIEW))
    assert standing.not_done <= rules.tries
