"""The two clocks: never ahead of the truth, no jump where there was none, and who is behind."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.delayed.clocks import FRESH_SECONDS, PROBE_SECONDS, Behind, DatabaseClock

EPOCH = 1_790_000_000_000_000
HOUR_US = 3_600_000_000


def test_between_two_looks_a_monotonic_clock_goes_on() -> None:
    """Only the database and seconds passed count."""
    clock = DatabaseClock()
    clock.looked(EPOCH, 0, 100.0, 100.0)
    assert (DatabaseClock().is_known, clock.is_known) == (False, True)
    assert clock.now_us(101.5) == EPOCH + 1_500_000


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0.1, 5)), min_size=1))
def test_slow_answers_never_put_it_ahead(looks: list[tuple[float, float, float]]) -> None:
    """However long question and answer take, it is at most the better way of the best look late."""
    clock, at, best = DatabaseClock(), 1000.0, 2.0
    for there, back, pause in looks:
        told = EPOCH + round((at + there) * 1e6)
        clock.looked(told, 0, at, at + there + back)
        at += there + back
        best = min(best, back)
        late_us = EPOCH + round(at * 1e6) - clock.now_us(at)
        assert -2 <= late_us <= best * 1e6 + 2
        at += pause


def test_a_clock_set_back_is_followed_at_the_next_look() -> None:
    """And one set ahead: the database's is the truth."""
    clock = DatabaseClock()
    assert clock.looked(EPOCH, 0, 10.0, 10.001) == 0
    assert clock.looked(EPOCH + 1_003_000, 0, 11.0, 11.010) == 0
    jump_us = clock.looked(EPOCH - HOUR_US, 0, 11.0, 11.001)
    assert abs(jump_us + HOUR_US + 1_000_000) <= 1000
    assert abs(clock.now_us(11.001) - (EPOCH - HOUR_US)) <= 1000
    clock.looked(EPOCH + HOUR_US, 0, 12.0, 12.001)
    assert abs(clock.now_us(12.001) - (EPOCH + HOUR_US)) <= 1000


def test_the_development_clock_comes_on_top() -> None:
    """Of the time by which things are due, not of the one that is compared with the broker's."""
    clock = DatabaseClock()
    clock.looked(EPOCH, 3 * 24 * HOUR_US, 10.0, 10.0)
    assert clock.now_us(10.0) == EPOCH + 3 * 24 * HOUR_US
    assert clock.server_us(10.0) == EPOCH


def test_a_broker_that_is_not_behind_costs_no_time() -> None:
    """The way there takes some milliseconds, so stamps are later than sending."""
    behind = Behind()
    assert behind.us == 0
    behind.measured(EPOCH, EPOCH + 3000, 1.0)
    assert behind.us == 0
    assert not behind.wants_probe(1000.0)


def test_what_a_broker_is_behind_is_waited() -> None:
    """The most of what was measured lately."""
    behind = Behind()
    behind.measured(EPOCH, EPOCH - 5000, 1.0)
    behind.measured(EPOCH, EPOCH - 3000, 2.0)
    assert behind.us == 5000


def test_old_measures_are_forgotten() -> None:
    """In two generations, each time that something new is known."""
    behind = Behind()
    behind.measured(EPOCH, EPOCH - HOUR_US, 40.0)
    behind.measured(EPOCH, EPOCH + 1000, 41.0 + FRESH_SECONDS)
    assert behind.us == HOUR_US
    behind.measured(EPOCH, EPOCH + 1000, 42.0 + 2 * FRESH_SECONDS)
    assert behind.us == 0


def test_a_measure_of_hours_ago_holds_nothing_up() -> None:
    """Nothing was sent meanwhile that could have aged it; the first command of a crowd tells."""
    behind = Behind()
    behind.measured(EPOCH, EPOCH - HOUR_US, 40.0)
    behind.measured(EPOCH, EPOCH + 1000, 8 * 3600.0)
    assert behind.us == 0


def test_a_single_command_finds_out_whether_it_is_still_behind() -> None:
    """When nothing was measured for a while; otherwise all would wait for an hour for nothing."""
    behind = Behind()
    behind.measured(EPOCH, EPOCH - HOUR_US, 100.0)
    assert not behind.wants_probe(100.0 + PROBE_SECONDS)
    assert behind.wants_probe(100.1 + PROBE_SECONDS)
    behind.measured(EPOCH, EPOCH - HOUR_US, 111.0)
    assert not behind.wants_probe(111.0)


def test_measures_with_a_wrong_clock_are_forgotten() -> None:
    """After a jump of the database's own, the broker is not behind for the next minute."""
    behind = Behind()
    behind.measured(EPOCH, EPOCH - HOUR_US, 40.0)
    behind.measured(EPOCH, EPOCH - HOUR_US, 80.0)
    behind.forget()
    assert behind.us == 0
