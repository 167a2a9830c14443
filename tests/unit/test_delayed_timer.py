"""The timer over several partitions: one horizon, one order of reading, room for each."""

from consumers.delayed.timer import WINDOW_US, Timer
from consumers.delayed.window import CROWD, PAGE, REST_SECONDS, START, Due, Page

NOW = 1_790_000_000_000_000


def due(number: int, at_us: int) -> Due:
    """Withdrawal `number`, due at a moment."""
    return Due(at_us, f"{number:08x}-0000-8000-8000-000000000000", f"wallet {number}")


def settled(*partitions: int, room: int = 100_000) -> Timer:
    """A timer that has read all that is near, which is nothing."""
    timer = Timer(room)
    timer.gain(partitions)
    while (page := timer.wanted(NOW)) is not None:
        timer.read(page, [])
    return timer


def fire(timer: Timer, until_us: int, most: int = 100, at: float = 0.0) -> list[Due]:
    """What it fires."""
    return [fired.due for fired in timer.fire(until_us, at, most)]


def crowded() -> Timer:
    """A timer that has just fired a crowd on partition 0, where one more is due by now."""
    timer = settled(0, 1)
    for number in range(CROWD):
        timer.scheduled(0, due(number, NOW))
    assert len(fire(timer, NOW)) == CROWD
    timer.scheduled(0, due(50, NOW))
    return timer


def test_nothing_is_wanted_of_nobodys_partitions() -> None:
    """Without partitions there is nothing to read, to wait for or to fire."""
    timer = Timer()
    assert timer.wanted(NOW) is None
    assert timer.next_us(0.0) is None
    assert fire(timer, NOW) == []
    timer.scheduled(3, due(1, 1))
    timer.gone(3, "nothing")
    timer.read(Page(3, START, NOW), [due(1, 1)])
    assert timer.waiting == 0


def test_each_partition_is_read_to_the_horizon_once() -> None:
    """Then again only when half of the minute is over."""
    timer = Timer()
    timer.gain([0, 1])
    first, second = timer.wanted(NOW), None
    assert first == Page(0, START, NOW + WINDOW_US)
    timer.read(first, [])
    second = timer.wanted(NOW)
    assert second == Page(1, START, NOW + WINDOW_US)
    timer.read(second, [])
    assert timer.wanted(NOW + WINDOW_US // 2) is None
    later = timer.wanted(NOW + WINDOW_US // 2 + 1)
    assert later is not None
    assert later.after == (NOW + WINDOW_US, "")


def test_what_is_longest_due_is_read_first() -> None:
    """A partition with a long backlog does not hold up the others."""
    timer = Timer()
    timer.gain([0, 1])
    page = timer.wanted(NOW)
    assert page is not None
    timer.read(page, [due(n, NOW - PAGE + n) for n in range(PAGE)])
    other = timer.wanted(NOW)
    assert other is not None
    assert {page.partition, other.partition} == {0, 1}


def test_a_clock_that_jumps_ahead_takes_the_horizon_along() -> None:
    """What becomes due by it is read at once."""
    timer = settled(0)
    day_us = 86_400_000_000
    page = timer.wanted(NOW + 3 * day_us)
    assert page == Page(0, (NOW + WINDOW_US, ""), NOW + 3 * day_us + WINDOW_US)


def test_a_clock_that_jumps_back_fires_nothing_early() -> None:
    """What was near waits longer."""
    timer = settled(0)
    timer.scheduled(0, due(1, NOW + 5))
    assert fire(timer, NOW - 3_600_000_000) == []
    assert timer.wanted(NOW - 3_600_000_000) is None
    assert fire(timer, NOW + 4) == []
    assert fire(timer, NOW + 5) == [due(1, NOW + 5)]


def test_the_next_of_all_partitions_decides_when_to_wake() -> None:
    """Whichever partition it is on."""
    timer = settled(0, 1)
    timer.scheduled(0, due(1, NOW + 20))
    timer.scheduled(1, due(2, NOW + 10))
    assert timer.next_us(0.0) == NOW + 10
    timer.gone(1, due(2, 0).withdrawal_id)
    assert timer.next_us(0.0) == NOW + 20


def test_each_partition_has_its_share_of_a_volley() -> None:
    """A burst on one does not hold up what is due on another."""
    timer = settled(0, 1)
    for number in range(10):
        timer.scheduled(0, due(number, NOW))
    timer.scheduled(1, due(99, NOW))
    fired = fire(timer, NOW, most=4)
    assert len(fired) == 3
    assert due(99, NOW) in fired


def test_what_becomes_due_behind_a_crowd_waits_until_that_is_heard_of() -> None:
    """On that partition alone; the last of the crowd is what is waited for."""
    timer = crowded()
    timer.scheduled(1, due(99, NOW))
    assert timer.next_us(0.0) == NOW
    assert fire(timer, NOW) == [due(99, NOW)]
    assert (timer.next_us(0.0), timer.rests(0.0)) == (None, REST_SECONDS)
    timer.gone(0, due(CROWD - 2, NOW).withdrawal_id)
    assert fire(timer, NOW) == []
    timer.gone(0, due(CROWD - 1, NOW).withdrawal_id)
    assert (timer.next_us(0.0), timer.rests(0.0)) == (NOW, None)
    assert fire(timer, NOW) == [due(50, NOW)]


def test_a_crowd_that_is_not_heard_of_holds_nobody_up_for_long() -> None:
    """Its worker may be dead; the rest is not drawn out by looking."""
    timer = crowded()
    assert fire(timer, NOW, at=REST_SECONDS / 2) == []
    assert timer.rests(REST_SECONDS / 2) == REST_SECONDS / 2
    assert fire(timer, NOW, at=REST_SECONDS) == [due(50, NOW)]
    assert fire(timer, NOW, at=REST_SECONDS) == []
    timer.scheduled(0, due(51, NOW))
    assert fire(timer, NOW, at=REST_SECONDS) == [due(51, NOW)]


def test_a_burst_goes_on_while_there_is_more_of_it() -> None:
    """Waiting is for what is not due yet."""
    timer = settled(0)
    for number in range(3 * CROWD):
        timer.scheduled(0, due(number, NOW))
    for _ in range(3):
        assert len(fire(timer, NOW, most=CROWD)) == CROWD


def test_lost_partitions_are_forgotten() -> None:
    """Waiting and fired; those that stay are not touched."""
    timer = settled(0, 1)
    for partition in (0, 1):
        timer.scheduled(partition, due(partition, NOW))
        timer.scheduled(partition, due(10 + partition, NOW + 50))
    assert len(fire(timer, NOW)) == 2
    timer.lose([0, 7])
    assert (timer.waiting, timer.fired) == (1, 1)
    timer.again(due(0, NOW).withdrawal_id, 2)
    assert timer.waiting == 1


def test_a_gained_partition_is_read_from_the_beginning() -> None:
    """Whatever was known of it when it was ours before."""
    timer = settled(0, 1)
    timer.lose([1])
    timer.gain([1])
    page = timer.wanted(NOW)
    assert page is not None
    assert (page.partition, page.after) == (1, START)


def test_a_record_elsewhere_ends_a_withdrawal_too() -> None:
    """A command that was sent to a wrong partition has its record there."""
    timer = settled(0, 1)
    timer.scheduled(0, due(1, NOW))
    assert len(fire(timer, NOW)) == 1
    timer.gone(1, due(1, NOW).withdrawal_id)
    assert timer.fired == 0


def test_room_is_shared() -> None:
    """More partitions, less room for each, never less than a page."""
    timer = settled(*range(4), room=8000)
    for number in range(3 * 2000):
        timer.scheduled(0, due(number, NOW + number))
    assert timer.waiting <= 3000
    narrow = settled(*range(64), room=8000)
    for number in range(3 * 2000):
        narrow.scheduled(0, due(number, NOW + number))
    assert PAGE <= narrow.waiting <= 1.5 * PAGE


def test_doubts_are_settled_one_way_or_the_other() -> None:
    """Done, still on its way, or to be sent again under the next id."""
    timer = settled(0, 1)
    for number in range(3):
        timer.scheduled(number % 2, due(number, NOW))
    assert len(fire(timer, NOW)) == 3
    assert timer.doubtful(0.0, 10) == []
    doubtful = timer.doubtful(1.0, 10)
    assert len(doubtful) == 3
    timer.forget(due(0, NOW).withdrawal_id)
    timer.asked(due(1, NOW).withdrawal_id, 5.0)
    timer.again(due(2, NOW).withdrawal_id, 2)
    assert timer.doubtful(1.0, 10) == []
    assert (timer.waiting, timer.fired) == (1, 1)
    (again,) = timer.fire(NOW, 0.0, 10)
    assert again.attempt == 2
