"""Which pages are read: all of a partition, in order, whatever comes meanwhile."""

from datetime import UTC, datetime

from consumers.withdrawals.rows import PAGE, START, Page, Place
from consumers.withdrawals.sweeping import EVERY_SECONDS, Sweeps


def place(number: int) -> Place:
    """A place in the index."""
    return datetime.fromtimestamp(number, UTC), f"{number}"


def test_a_sweep_goes_from_the_first_page_to_the_last() -> None:
    """And then there is nothing to read."""
    sweeps = Sweeps(0)
    assert sweeps.wanted(PAGE) is None
    sweeps.begin(3)
    assert sweeps.wanted(PAGE) == (3, START)
    sweeps.read(3, START, Page([], place(1)))
    assert sweeps.wanted(PAGE) == (3, place(1))
    sweeps.read(3, place(1), Page([], None))
    assert sweeps.wanted(PAGE) is None


def test_partitions_take_turns() -> None:
    """A long one does not keep the others waiting."""
    sweeps = Sweeps(0)
    for partition in (0, 1):
        sweeps.begin(partition)
    sweeps.read(0, START, Page([], place(1)))
    assert sweeps.wanted(PAGE) == (1, START)
    sweeps.read(1, START, Page([], place(2)))
    assert sweeps.wanted(PAGE) == (0, place(1))


def test_without_room_nothing_is_read() -> None:
    """A page must fit."""
    sweeps = Sweeps(0)
    sweeps.begin(0)
    assert sweeps.wanted(PAGE - 1) is None
    assert sweeps.wanted(PAGE) == (0, START)


def test_what_is_missed_while_a_sweep_is_under_way_gets_one_more() -> None:
    """It may stand before the page that is just read."""
    sweeps = Sweeps(0)
    sweeps.begin(0)
    sweeps.begin(0)
    sweeps.read(0, START, Page([], None))
    assert sweeps.wanted(PAGE) == (0, START)
    sweeps.read(0, START, Page([], None))
    assert sweeps.wanted(PAGE) is None


def test_a_page_of_a_lost_partition_is_nobodys() -> None:
    """Nor does it come back by itself."""
    sweeps = Sweeps(0)
    sweeps.begin(0)
    sweeps.end(0)
    sweeps.read(0, START, Page([], place(1)))
    assert sweeps.wanted(PAGE) is None


def test_everything_is_read_again_now_and_then() -> None:
    """From the beginning, but for what is under way."""
    sweeps = Sweeps(0)
    assert sweeps.tick(10, {0, 1}) == EVERY_SECONDS - 10
    assert sweeps.wanted(PAGE) is None
    sweeps.begin(1)
    sweeps.read(1, START, Page([], place(1)))
    assert sweeps.tick(EVERY_SECONDS, {0, 1}) == EVERY_SECONDS
    assert sweeps.wanted(PAGE) == (1, place(1))
    sweeps.read(1, place(1), Page([], None))
    assert sweeps.wanted(PAGE) == (0, START)
