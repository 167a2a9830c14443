"""Silence and its limits: what was measured is judged as it is, on a machine that was ours."""

import pytest

from wallet.torture.limits import OTHERS_MAX, Judged, Recovery, Sort, judge
from wallet.torture.silence import Gap, Silence, longest

BUSY = OTHERS_MAX + 0.05


def test_a_gap_lasts_from_result_to_result() -> None:
    """Short ones are not kept; one that is open ends now."""
    silence = Silence(2, 10.0)
    for now in (10.1, 10.2, 13.0):
        silence.heard(0, now)
    assert silence.gaps(10.0, 13.1) == [Gap(0, 10.2, 13.0), Gap(1, 10.0, 13.1)]
    assert silence.last(0) == 13.0


def test_only_gaps_that_reach_into_the_span() -> None:
    """One that ended before is another strike's."""
    silence = Silence(1, 0.0)
    for now in (2.0, 2.1, 6.0):
        silence.heard(0, now)
    assert silence.gaps(3.0, 6.1) == [Gap(0, 2.1, 6.0)]
    assert silence.gaps(2.05, 2.08) == [Gap(0, 0.0, 2.0)][:0]


def test_the_longest_of_some_partitions() -> None:
    """None where none was kept."""
    gaps = [Gap(0, 1.0, 2.0), Gap(1, 1.0, 4.0), Gap(0, 5.0, 7.0)]
    assert longest(gaps, frozenset({0})) == gaps[2]
    assert longest(gaps, frozenset({2})) is None


def judged(sort: str, *gaps: Gap, others: float = 0.0, back_at: float | None = 100.0) -> Judged:
    """A strike at 100 that hit partition 0 of two."""
    recovery = Recovery(sort, 100.0, back_at, 130.0, frozenset({0}), 2)
    return judge(recovery, list(gaps), lambda _since, _until: others)


@pytest.mark.parametrize(
    ("sort", "gap"),
    [
        ("kill", Gap(0, 100.0, 108.1)),
        ("kill", Gap(1, 100.0, 101.1)),
        ("storm rolling", Gap(0, 100.0, 101.1)),
        ("storm rolling", Gap(1, 100.0, 101.1)),
        ("broker", Gap(1, 95.0, 110.1)),
        ("postgres", Gap(0, 95.0, 110.1)),
    ],
)
def test_a_limit_that_is_passed(sort: str, gap: Gap) -> None:
    """It is over the limit on a machine that was ours, and only told on one that was not."""
    ours, theirs = judged(sort, gap), judged(sort, gap, others=BUSY)
    assert (len(ours.over), ours.excused) == (1, ())
    assert (theirs.over, len(theirs.excused)) == ((), 1)
    assert str(BUSY * 100)[:2] in theirs.excused[0]


def test_limits_that_are_kept() -> None:
    """Figures are told all the same; other sorts have no limits."""
    found = judged("kill", Gap(0, 100.0, 107.9), Gap(1, 100.0, 100.9))
    assert (found.over, found.excused) == ((), ())
    assert (round(found.hit, 1), round(found.rest, 1)) == (7.9, 0.9)
    assert judged("pause zombie", Gap(0, 100.0, 120.0)).over == ()


def test_a_broker_s_absence_is_its_own() -> None:
    """Ten seconds count from when it answers again, for those that still waited then."""
    found = judged("broker", Gap(0, 100.0, 119.0), Gap(1, 100.0, 111.0), back_at=112.0)
    assert (found.over, round(found.back, 1)) == ((), 7.0)
    assert judged("kill", Gap(0, 100.0, 105.0), back_at=None).back == 0.0


def test_a_sort_keeps_its_longest() -> None:
    """And counts what was over and what was not judged."""
    sort = Sort()
    sort.add(Judged(1.0, 0.2, 0.0, ("over",), ()))
    sort.add(Judged(0.5, 0.4, 3.0, (), ("excused", "twice")))
    assert sort == Sort(2, 1.0, 0.4, 3.0, 1, 2)
