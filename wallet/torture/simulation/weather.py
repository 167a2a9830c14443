"""The faults of a schedule: which, and when, by chance; and what time brings to an end again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wallet.torture.simulation.turns import Task

if TYPE_CHECKING:
    from wallet.torture.simulation.world import World

CALLS: Final = (
    "commit unanswered",
    "commit unanswered",
    "init lost",
    "init unanswered",
    "init late",
    "shut out late",
    "produce late",
    "produce lost",
    "produce unanswered",
    "produce in part",
    "end lost",
    "end late",
    "end late",
    "end unanswered",
    "end unanswered",
    "watermarks lost",
    "poll lost",
    "ends lost",
    "markers forgotten",
    "markers forgotten",
)
"""Faults that strike the next call of their kind."""

STRIKES: Final = (
    ("kill",) * 6
    + ("freeze",) * 5
    + ("rebalance",) * 4
    + ("leave",) * 2
    + ("cut",) * 2
    + ("restart",)
)
"""Faults that strike at any step."""

RELIEF: Final = 0.15
"""The chance, at each step, that time brings something to an end."""


class Weather:
    """Faults to come, in an order that the seed gives."""

    def __init__(self, world: "World") -> None:
        self._world = world
        draw = world.chance
        count = draw.randrange(world.plan.faults + 1)
        pool = STRIKES + CALLS
        chosen = [pool[int(draw.random() * len(pool))] for _ in range(count)]
        self._strikes: Final = [fault for fault in chosen if fault in STRIKES]
        self._calls: Final = [fault for fault in chosen if fault in CALLS]
        self.struck: Final[list[str]] = []
        self._doing: Final[dict[str, Callable[[], None]]] = {
            "kill": self._kill,
            "freeze": self._freeze,
            "rebalance": self._rebalance,
            "leave": self._leave,
            "cut": self._cut,
            "restart": self._restart,
        }

    def takes(self, fault: str) -> bool:
        """Whether a fault strikes this call; each is there once, and may wait for a later call."""
        if fault not in self._calls or self._world.coin():
            return False
        self._calls.remove(fault)
        self._tell(fault)
        return True

    def strike(self) -> None:
        """Let a fault strike, perhaps; and let something end, perhaps."""
        world = self._world
        draw = world.chance.random
        if self._strikes and draw() < world.plan.rate:
            fault = self._strikes.pop()
            self._tell(fault)
            self._doing[fault]()
        if draw() < RELIEF:
            self.pass_time(at_most=True)

    def pass_time(self, *, at_most: bool = False) -> bool:
        """Let one of the things happen that time brings; False when none is left.

        `at_most`: only what can come at any moment, not what somebody has to wait long for.
        """
        world = self._world
        soon: list[Callable[[], None]] = []
        if world.unsent:
            soon.append(world.send)
        if world.database.orphans:
            soon.append(world.database.reap)
        if world.broker.late:
            soon.append(world.broker.arrive)
        if any(one.ended is not None for one in world.broker.coordinators.values()):
            soon.append(lambda: void(world.broker.write_some_markers()))
        lightly = any(one.process.frozen and not one.deep for one in world.workers)
        soon += [self._thaw] * lightly
        soon += [self._start_again] * bool(world.fallen)
        soon += [self._rouse] * bool(self._dozing())
        if soon:
            world.chance.choice(soon)()
            return True
        return not at_most and self._wait_long()

    def _wait_long(self) -> bool:
        """Let a timeout pass that nothing else comes before."""
        world = self._world
        late: list[Callable[[], None]] = [self._time_out] * bool(world.database.waiting)
        frozen = any(worker.process.frozen for worker in world.workers)
        late += [self._thaw, self._end_idle] * frozen
        if late:
            world.chance.choice(late)()
        return bool(late)

    def _rouse(self) -> None:
        """Somebody has waited for long enough to look."""
        self._world.turns.wake(self._world.chance.choice(self._dozing()))

    def _dozing(self) -> list[Task]:
        return [task for task in self._world.dozing if not task.process.frozen]

    def _time_out(self) -> None:
        """A lock was waited for too long."""
        waiter = self._world.database.waiting[0]
        waiter.timed_out = True
        assert waiter.task is not None, "who waits is a task"
        self._world.turns.wake(waiter.task)

    def _end_idle(self) -> None:
        """Sessions that idle in a transaction are ended by the server."""
        for session in list(self._world.database.sessions):
            if session.process.frozen and session.transaction is not None:
                session.end(finish=False)

    def _tell(self, fault: str) -> None:
        self.struck.append(fault)
        self._world.note(f"--- {fault}")

    def _kill(self) -> None:
        if self._world.workers:
            worker = self._world.chance.choice(self._world.workers)
            self._world.kill(worker)
            if self._world.coin():
                self._world.group.leave(worker.process.name)
                self._world.nudge_all()

    def _freeze(self) -> None:
        """Stop a process, and mostly have the group put it out; its transactions may time out."""
        world = self._world
        awake = [worker for worker in world.workers if not worker.process.frozen]
        if not awake:
            return
        worker = world.chance.choice(awake)
        worker.process.frozen = True
        worker.deep = world.coin()
        world.note(f"{worker.process.name} is frozen")
        if world.chance.random() < 0.8:  # noqa: PLR2004 - mostly
            world.group.leave(worker.process.name)
            world.nudge_all()
        if world.chance.random() < 0.2:  # noqa: PLR2004 - now and then
            world.broker.time_out()

    def _thaw(self) -> None:
        world = self._world
        frozen = [worker for worker in world.workers if worker.process.frozen]
        worker = world.chance.choice(frozen)
        worker.process.frozen = False
        world.note(f"{worker.process.name} goes on")

    def _start_again(self) -> None:
        name = self._world.fallen.pop(0)
        self._world.note(f"{name} is started again")
        self._world.start(name)

    def _rebalance(self) -> None:
        self._world.group.deal()
        self._world.nudge_all()

    def _leave(self) -> None:
        """Tell a worker to end."""
        if self._world.workers:
            worker = self._world.chance.choice(self._world.workers)
            worker.leaving = True
            worker.nudge()

    def _cut(self) -> None:
        """End one session; its client hears of it at its next call."""
        sessions = self._world.database.sessions
        if sessions:
            self._world.chance.choice(sessions).end(finish=self._world.coin())

    def _restart(self) -> None:
        """PostgreSQL restarts: all sessions end, what was sent may have been done."""
        for session in list(self._world.database.sessions):
            session.end(finish=self._world.coin())


def void(_: object) -> None:
    """Nothing is made of an answer."""
