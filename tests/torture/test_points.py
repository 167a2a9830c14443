"""Kills at named points, on a stage of paper: who dies, how often, and what is said of it."""

from collections.abc import Callable, Mapping
from random import Random
from signal import SIGKILL, Signals
from typing import Any, cast

from consumers.delayed.faults import POINTS as FIRING
from consumers.withdrawals.faults import POINTS as CALLING
from schemas.faults import VARIABLE, Fuse
from streams.faults import POINTS
from wallet.torture.bank import UNREACHED, BankFaults
from wallet.torture.faults import FaultError, Struck
from wallet.torture.points import Bag, PointKills

DICE_SEED = 7


class Mortals:
    """Processes that die when they are killed, and at a point unless it is out of their way."""

    def __init__(self, *out_of_way: str) -> None:
        self._out_of_way = out_of_way
        self._numbers: dict[str, int] = {}
        self._planned: dict[str, str] = {}
        self.armed: list[tuple[str, str]] = []
        """Whom a point was named for, and which."""
        self.killed: list[str] = []

    def workers(self) -> tuple[str, ...]:
        """Two."""
        return "worker-1", "worker-2"

    def owned(self, name: str) -> frozenset[int]:
        """A partition each."""
        return frozenset({int(name[-1])})

    def pid(self, name: str) -> int | None:
        """It always runs."""
        return self._numbers.setdefault(name, 100)

    def next_life(self, name: str, environment: Mapping[str, str]) -> None:
        """Plan it."""
        self._planned[name] = environment.get(VARIABLE, "")

    def signal(self, name: str, number: Signals) -> int | None:
        """Die of it, and live again as planned."""
        assert number is SIGKILL
        self.killed.append(name)
        return self._next(name)

    def await_new_life(self, name: str, old: int, limit: float) -> int:
        """A life after that one, if there is a reason to die."""
        assert limit > 0
        if self._numbers[name] == old:
            point = self._planned.get(name, "").partition(":")[0]
            if not point or point in self._out_of_way:
                raise FaultError("it goes on living")
            self._planned[name] = ""
            self._next(name)
        return self._numbers[name]

    def wait_until(self, done: Callable[[], bool], limit: float, what: str) -> None:
        """At once or never."""
        assert done(), f"{what} within {limit} s"

    def _next(self, name: str) -> int:
        old = self._numbers.setdefault(name, 100)
        self._numbers[name] = old + 1
        if self._planned.get(name):
            self.armed.append((name, self._planned[name]))
        return old


def struck(kind: PointKills | BankFaults, stage: Mortals, turns: int) -> list[Struck]:
    """So many strikes of one seed."""
    dice = Random(DICE_SEED)  # noqa: S311 - chance that repeats
    return [kind.strike(cast("Any", stage), dice) for _ in range(turns)]


def test_every_point_has_its_turn() -> None:
    """All of them before one comes again; each is one that a worker knows."""
    stage = Mortals()
    told = struck(PointKills(), stage, 2 * len(POINTS))
    points = [fault.partition(":")[0] for _, fault in stage.armed]
    assert sorted(points[: len(POINTS)]) == sorted(points[len(POINTS) :]) == sorted(POINTS)
    assert all(each.counts["kills"] == 2 for each in told)
    assert {each.hit for each in told} == {frozenset({1}), frozenset({2})}


def test_a_point_that_is_not_passed_is_told_as_such() -> None:
    """The process is killed a second time, and does not keep the point for a later life."""
    stage = Mortals("inside-claim")
    told = struck(PointKills(), stage, len(POINTS))
    missed = [each for each in told if "not reached" in each.what]
    assert len(missed) == 1
    assert missed[0].counts == {"kills": 2}
    assert len(stage.killed) == len(POINTS) + 1


def test_all_that_deal_with_the_bank_die(monkeypatch: Any) -> None:  # noqa: ANN401 - pytest's
    """Both consumers at their own points, and the bank."""
    stage = Mortals()
    count = len(FIRING) + len(CALLING) - len(UNREACHED) + 1
    struck(BankFaults(), stage, count)
    assert stage.killed.count("pretend-bank") == 1
    for name, points in (("delayed", FIRING), ("bank-caller", CALLING)):
        faults = [fault for who, fault in stage.armed if who == name]
        assert {fault.partition(":")[0] for fault in faults} == {*points} - UNREACHED
        for fault in faults:
            monkeypatch.setenv(VARIABLE, fault)
            assert Fuse(points).is_armed


def test_a_bag_is_emptied_before_it_is_filled_again() -> None:
    """In the order of the dice."""
    bag, dice = Bag("abc"), Random(DICE_SEED)  # noqa: S311 - as above
    drawn = [bag.draw(dice) for _ in range(6)]
    assert sorted(drawn[:3]) == sorted(drawn[3:]) == ["a", "b", "c"]
