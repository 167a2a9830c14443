"""The circuit breaker, on a clock that the test turns."""

import pytest

from consumers.bank.breaker import Breaker, Permit


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """Opens after three failures, for five seconds."""
    return Breaker(3, 5.0, clock)


def call(breaker: Breaker, *, answered: bool | None) -> bool:
    """One call from permit to end; whether it changed the breaker."""
    permit = breaker.ask()
    assert permit is not None
    return breaker.end(permit, answered=answered)


def test_closed_it_lets_all_through(breaker: Breaker) -> None:
    """As many at once as want to."""
    assert [breaker.ask() for _ in range(500)] == [Permit.PLAIN] * 500
    assert breaker.wait() == 0


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    """An answer between them begins the row anew."""
    call(breaker, answered=False)
    call(breaker, answered=False)
    call(breaker, answered=True)
    call(breaker, answered=False)
    assert not call(breaker, answered=False)
    assert breaker.wait() == 0
    assert call(breaker, answered=False)
    assert breaker.is_open
    assert breaker.ask() is None
    assert breaker.wait() == 5


def test_one_probe_at_a_time(breaker: Breaker, clock: Clock) -> None:
    """After the pause; while it is under way nobody knows how long."""
    for _ in range(3):
        call(breaker, answered=False)
    clock.now += 5
    assert breaker.wait() == 0
    assert breaker.ask() is Permit.PROBE
    assert breaker.ask() is None
    assert breaker.wait() is None
    assert not breaker.end(Permit.PROBE, answered=False)
    assert breaker.ask() is None
    assert breaker.wait() == 5


def test_a_probe_that_is_answered_closes_it(breaker: Breaker, clock: Clock) -> None:
    """And the row of failures is forgotten."""
    for _ in range(3):
        call(breaker, answered=False)
    clock.now += 5
    assert call(breaker, answered=True)
    assert not call(breaker, answered=False)
    assert breaker.ask() is Permit.PLAIN


def test_a_probe_that_was_not_made_leaves_the_next_one(breaker: Breaker, clock: Clock) -> None:
    """Where somebody else had begun the call, nothing was learnt."""
    for _ in range(3):
        call(breaker, answered=False)
    clock.now += 5
    assert not call(breaker, answered=None)
    assert breaker.ask() is Permit.PROBE


def test_calls_that_were_under_way(breaker: Breaker) -> None:
    """Their failures do not lengthen the pause; an answer to one shows that the bank is back."""
    under_way = [breaker.ask() for _ in range(10)]
    assert all(under_way)
    for _ in range(8):
        breaker.end(Permit.PLAIN, answered=False)
    assert breaker.wait() == 5
    assert breaker.end(Permit.PLAIN, answered=True)
    assert not breaker.is_open
