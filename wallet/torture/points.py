"""The fault `kill` at named points: kill -9 between two steps of the protocol, by choice.

A process is killed, and its next life is told to die at the n-th pass of a point (WALLET_FAULT,
schemas/faults.py). Nothing is compiled in but a comparison, and only where it is asked for.
"""

from collections.abc import Sequence
from random import Random
from signal import SIGKILL
from typing import ClassVar, Final

from schemas.faults import VARIABLE
from streams.faults import POINTS
from wallet.torture.faults import FaultError, Ground, Needs, Stage, Struck

PASSES: Final = 4
"""A point is passed so often at most before it kills: some batches, or claims of one worker."""
START_SECONDS: Final = 30.0
"""Within so long a process that died is started again."""
REACH_SECONDS: Final = 20.0
"""Within so long a point is reached under load; one in a claim may not be, of few partitions."""


class Bag:
    """All of some things in the order of dice, and again when they are used up."""

    def __init__(self, things: Sequence[str]) -> None:
        self._things = things
        self._left: list[str] = []

    def draw(self, dice: Random) -> str:
        """The next one."""
        self._left = self._left or dice.sample(self._things, len(self._things))
        return self._left.pop()


def die_at(stage: Stage, name: str, point: str, passes: int) -> bool:
    """Kill a process, and again at the n-th pass of a point; whether it came to that.

    Returns when its third life has been started. Raises FaultError when one does not start.
    """
    armed = kill(stage, name, {VARIABLE: f"{point}:{passes}"})
    try:
        stage.await_new_life(name, armed, REACH_SECONDS)
    except FaultError:
        kill(stage, name, {})
        return False
    return True


def kill(stage: Stage, name: str, environment: dict[str, str]) -> int:
    """Kill -9 a process as soon as it runs; the number of its next life, which has started."""
    stage.wait_until(lambda: stage.pid(name) is not None, START_SECONDS, f"{name} to kill")
    stage.next_life(name, environment)
    old = _signalled(stage, name)
    return stage.await_new_life(name, old, START_SECONDS)


def _signalled(stage: Stage, name: str) -> int:
    found: list[int] = []

    def signal() -> bool:
        number = stage.signal(name, SIGKILL)
        found.extend([number] if number is not None else [])
        return bool(found)

    stage.wait_until(signal, START_SECONDS, f"{name} to kill")
    return found[0]


class PointKills:
    """Workers killed at every point of claim, database commit and Kafka commit, in turn."""

    name: ClassVar[str] = "kill"
    weight: ClassVar[int] = 2

    def __init__(self) -> None:
        self._points = Bag(POINTS)

    def prepare(self, ground: Ground) -> Needs:  # noqa: ARG002 - nothing of it is needed
        """Nothing is to be prepared."""
        return Needs()

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Kill a worker, and again at the next point."""
        name, point = dice.choice(stage.workers()), self._points.draw(dice)
        hit = stage.owned(name)
        return struck(stage, name, point, dice.randint(1, PASSES))._replace(hit=hit or None)

    def close(self) -> None:
        """Nothing is to be taken down."""


def struck(stage: Stage, name: str, point: str, passes: int) -> Struck:
    """Kill a process at a point, and say so."""
    was_reached = die_at(stage, name, point, passes)
    where = f"at pass {passes} of {point}" if was_reached else f"twice, {point} was not reached"
    counts = {"kills": 2} | ({f"killed {point}": 1} if was_reached else {})
    return Struck(f"{name} killed {where}", counts, sort="at a point")
