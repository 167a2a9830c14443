"""One simulated world: servers, workers, and the faults that strike them, all from one seed."""

import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Self

from schemas.settings import Settings
from wallet.torture.simulation.broker import Broker, Record
from wallet.torture.simulation.database import Database
from wallet.torture.simulation.group import Group
from wallet.torture.simulation.statements import Statements
from wallet.torture.simulation.traffic import Sent, traffic
from wallet.torture.simulation.turns import Task, Threads, Turns
from wallet.torture.simulation.weather import Weather
from wallet.torture.simulation.worker import SimulatedLane, Worker

MOST_STEPS: Final = 20_000
"""A schedule has some 300; one with so many goes round in circles."""

SETTINGS: Final = Settings.model_construct(
    partitions=2,
    topic_prefix="",
    retention_days=7,
    application="simulated",
    batch_max=4,
    queue_max=8,
    arrivals_max=2,
    drain_timeout=0.004,
    withdrawal_horizon_days=366,
    kafka_timeout=1.0,
    kafka_bootstrap="",
)
"""Small limits, so that schedules of a dozen commands reach them."""


CROWDED: Final = 0.5
MIXED: Final = 0.3
"""The share of schedules in which lanes wait for turns, and that with two currencies."""


class Stuck(Exception):  # noqa: N818 - the verdict on a schedule, no error of the simulation
    """The schedule did not come to rest."""


class Plan(NamedTuple):
    """What a schedule is made from. `faults` is how many strike at most."""

    seed: int
    commands: int
    workers: int
    faults: int
    rate: float
    """The chance, at each step, that a fault strikes."""
    stay: float
    """The chance, at each step, that the same task goes on."""
    crowded: bool
    """Whether the lanes of a worker wait for each other's turns."""
    currencies: int
    """Two: each other wallet has euros, and what would be a transfer may be an exchange."""

    @classmethod
    def of(cls, seed: int, commands: int | None = None) -> Self:
        """The plan of a seed: 4 to 20 commands, unless told; calm or stormy, in runs or by turns.

        Schedules that differ in kind find more than as many of one kind ("swarm testing").
        """
        draw = random.Random(seed * 2 + 1)  # noqa: S311 - no secret
        drawn = draw.randint(4, 20)
        workers, faults = draw.choice((2, 2, 2, 3)), draw.randint(0, 7)
        rate, stay = draw.choice((0.02, 0.05, 0.12)), draw.choice((0.3, 0.6, 0.85))
        crowded, currencies = draw.random() < CROWDED, 1 + (draw.random() < MIXED)
        return cls(seed, commands or drawn, workers, faults, rate, stay, crowded, currencies)


class Parts(NamedTuple):
    """What a mutant of the protocol puts in place of the real parts."""

    statements: Callable[[], Statements] = Statements
    lane: type[SimulatedLane] = SimulatedLane
    broker: type[Broker] = Broker


class World:
    """Everything of one schedule."""

    def __init__(self, plan: Plan, threads: Threads, parts: Parts) -> None:
        self.plan = plan
        self.chance: Final = random.Random(plan.seed)  # noqa: S311 - no secret
        self.settings: Final = SETTINGS
        self.wrongs: Final[list[str]] = []
        """What no run may do, seen as it was done."""
        self.trace: Final[list[tuple[str, str]]] = []
        self.turns: Final = Turns(self.chance, threads, self._idle, plan.stay)
        self.database: Final = Database(self)
        self.statements: Final = parts.statements()
        self.broker: Final = parts.broker(self)
        self.lane: Final = parts.lane
        self.group: Final = Group(self.chance, self.settings.partitions)
        self.workers: list[Worker] = []
        self.fallen: list[str] = []
        """Names of workers that a supervisor is to start again."""
        self.dozing: Final[list[Task]] = []
        """Tasks that wait for something, and for no longer than a while."""
        self.unsent: Final[list[Sent]] = traffic(plan, self.settings.partitions)
        self.weather: Final = Weather(self)
        self.ticks = 0
        self._commits_seen = -1

    def run(self) -> None:
        """Let the schedule happen. Raises Stuck where it does not come to rest."""
        for partition in range(self.settings.partitions):
            self.commands(partition)
        for number in range(self.plan.workers):
            self.start(chr(ord("a") + number))
        self.turns.run()
        while self.broker.write_some_markers():
            pass

    # What workers call

    def step(self, what: str) -> None:
        """A point at which anything may happen: faults strike, others go on."""
        task = self.turns.current
        assert task is not None, "only tasks take steps"
        if not task.process.dead:
            self.trace.append((task.name, what))
            if len(self.trace) > MOST_STEPS:
                self.turns.fail(Stuck(f"no rest after {MOST_STEPS} steps"))
            self.weather.strike()
        self.turns.pause()

    def note(self, what: str) -> None:
        """Put something into the trace."""
        task = self.turns.current
        self.trace.append((task.name if task is not None else "world", what))

    def wrong(self, what: str) -> None:
        """Tell of something that no run may do; there is no need to see how it goes on."""
        self.wrongs.append(what)
        self.turns.end()

    def takes(self, fault: str) -> bool:
        """Whether a fault strikes this very call."""
        task = self.turns.current
        if task is None or task.process.dead:
            return False
        return self.weather.takes(fault)

    def coin(self) -> bool:
        """Yes or no."""
        return self.chance.random() < 0.5  # noqa: PLR2004 - a coin

    def commands(self, partition: int) -> list[Record]:
        """The commands log of a partition."""
        return self.broker.log(self.settings.topics.commands.name, partition)

    # What happens to workers

    def start(self, name: str) -> None:
        """Start a worker process; it joins the group."""
        self.workers.append(Worker(self, name))
        self.group.join(name)
        self.nudge_all()

    def kill(self, worker: Worker) -> None:
        """End a process. Its sessions and open transactions stay behind for a while."""
        self.note(f"{worker.process.name} is dead")
        self.workers.remove(worker)
        self.fallen.append(worker.process.name)
        self.database.orphan(worker.process)
        self.turns.end_process(worker.process)

    def nudge_all(self) -> None:
        """Everybody may find something new."""
        for worker in self.workers:
            worker.nudge()

    def send(self) -> None:
        """Append the next command to its partition."""
        sent = self.unsent.pop(0)
        name = self.settings.topics.commands.name
        record: tuple[Any, ...] = (sent.key, sent.value, [], "committed")
        self.broker.append((name, sent.partition), sent.timestamp, record)
        self.nudge_all()

    def _idle(self) -> bool:
        """Nobody can go on: let time pass until somebody can; False when all is at rest."""
        if self.weather.pass_time():
            return True
        if not self.database.tables["arrivals"]:
            return False
        if self._commits_seen == self.database.commits:
            self.ticks += 1
        self._commits_seen = self.database.commits
        if self.ticks > 3:  # noqa: PLR2004 - looked in vain
            return False
        for worker in self.workers:
            worker.tick()
        return True
