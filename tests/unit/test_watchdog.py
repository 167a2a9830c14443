"""How long a partition has stood still: only with work waiting, only at one offset."""

from streams.watchdog import Orphans, Stillness


def test_a_partition_without_work_never_stands_still() -> None:
    """However long it is looked at."""
    still = Stillness()
    assert [still.note(0, 5, 5, now) for now in (0.0, 100.0)] == [0.0, 0.0]


def test_time_counts_from_the_first_look_at_an_offset() -> None:
    """Waiting work at the same offset adds up; progress begins anew, and so does rest."""
    still = Stillness()
    assert still.note(0, 5, 9, 0.0) == 0.0
    assert still.note(0, 5, 12, 31.0) == 31.0
    assert still.note(0, 6, 12, 32.0) == 0.0
    assert still.note(0, 6, 6, 50.0) == 0.0
    assert still.note(0, 6, 7, 90.0) == 0.0
    assert still.note(0, 6, 7, 95.0) == 5.0


def test_partitions_are_told_apart() -> None:
    """One moves, the other does not."""
    still = Stillness()
    still.note(0, 5, 9, 0.0)
    still.note(1, 5, 9, 20.0)
    assert (still.note(0, 5, 9, 30.0), still.note(1, 5, 9, 30.0)) == (30.0, 10.0)


def test_what_was_given_away_begins_anew() -> None:
    """It may come back at the offset where it was left, minutes later."""
    still = Stillness()
    still.note(0, 5, 9, 0.0)
    still.note(1, 5, 9, 0.0)
    still.keep({1})
    assert (still.note(0, 5, 9, 60.0), still.note(1, 5, 9, 60.0)) == (0.0, 60.0)


def test_an_orphan_is_alone_from_the_first_look_on() -> None:
    """One that had a lane in between begins anew."""
    orphans = Orphans()
    assert orphans.note({1, 2}, 5.0) == {1: 0.0, 2: 0.0}
    assert orphans.note({2}, 9.0) == {2: 4.0}
    assert orphans.note({1, 2}, 10.0) == {1: 0.0, 2: 5.0}
