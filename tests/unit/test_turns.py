"""Lanes take turns: one at a time, in their order, and nobody waits for long."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from streams.turns import Turns, patience
from tests.workers import wait_until

LONG = 20.0


def thread(work: Callable[[], None]) -> threading.Thread:
    """It runs."""
    made = threading.Thread(target=work, daemon=True)
    made.start()
    return made


def waiting(turns: Turns) -> int:
    """How many wait for a turn."""
    return len(turns._waiting)  # noqa: SLF001 - nothing else tells that a thread waits


def test_who_came_first_goes_first() -> None:
    """Also before the one who has just had a turn, and wants the next."""
    turns, went = Turns(), list[int]()

    def take(number: int) -> None:
        with turns.turn(LONG):
            went.append(number)

    threads = []
    with turns.turn(LONG):
        for number in range(5):
            threads.append(thread(lambda number=number: take(number)))  # type: ignore[misc]
            wait_until(lambda: waiting(turns) == len(threads), 5, "it waits")
    take(5)
    for each in threads:
        each.join(5)
    assert sorted(went) == [*range(6)]
    assert [each for each in went if each != 5] == [*range(5)]
    assert went[-1] == 5, "a turn is handed over, and not there for whoever is quickest"


def test_one_at_a_time() -> None:
    """Whoever has none waits until the other one is through, or has failed."""
    turns, inside, most = Turns(), list[int](), list[int]()

    def work(number: int) -> None:
        for _ in range(20):
            with turns.turn(LONG):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.0005)  # others shall come meanwhile
                inside.remove(number)

    threads = [thread(lambda number=number: work(number)) for number in range(4)]  # type: ignore[misc]
    for each in threads:
        each.join(20)
    assert (len(most), max(most)) == (80, 1)


def test_a_failure_gives_its_turn_back() -> None:
    """The process mostly ends with it, but not where a lane was shut out."""
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(LONG):
        raise ZeroDivisionError
    assert turns._take(0.0), "it is free"  # noqa: SLF001 - of two turns at once one would be none


def test_nobody_waits_for_long() -> None:
    """Who has waited goes on without a turn, and takes nobody's away by it."""
    turns = Turns()
    with turns.turn(LONG):
        with turns.turn(0.01):
            assert waiting(turns) == 0
        assert not turns._take(0.01), "the first one still has it"  # noqa: SLF001 - as above
    with turns.turn(LONG):
        pass
    assert turns._take(LONG)  # noqa: SLF001 - as above


def test_nobody_waits_for_who_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the patience of one, all go on at once; the next turn is waited for again."""
    turns, now = Turns(), [100.0]
    monkeypatch.setattr("streams.turns.time", SimpleNamespace(monotonic=lambda: now[0]))
    with turns.turn(LONG):
        now[0] += 0.6
        with monkeypatch.context() as changed:
            changed.setattr(threading, "Event", None)  # a wait would need one
            with turns.turn(0.5), turns.turn(0.5):
                assert waiting(turns) == 0
    with turns.turn(LONG):
        second = thread(lambda: turns.turn(LONG).__enter__())
        wait_until(lambda: waiting(turns) == 1, 5, "it waits")
    second.join(5)
    assert turns._since == now[0], "its turn begins when it is handed over"  # noqa: SLF001 - as above


def test_a_call_in_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives up waiting just when the turn is handed over has it, or it would be lost."""
    turns = Turns()

    class Late(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout == LONG
            turns._pass_on()  # noqa: SLF001 - what the other thread does
            return False  # its own clock said so before

    with turns.turn(LONG):
        monkeypatch.setattr(threading, "Event", Late)
        assert turns._take(LONG)  # noqa: SLF001 - it is what we look at
        assert waiting(turns) == 0


def test_patience_follows_from_what_a_batch_takes() -> None:
    """A lane that has done nothing yet waits for nobody; with servers far away it is bounded."""
    assert [patience(took) for took in (0.0, 0.01, 5.0)] == pytest.approx([0.0, 0.015, 0.1])
