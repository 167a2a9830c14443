"""A simulated worker: the real Holding, lanes, claims and journals, on servers in memory.

What is Faust's part in a worker is here in a few lines, and with worse manners: runs that come
twice, out of a former assignment, or with a gap.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import psycopg2
from confluent_kafka import KafkaException

from producers.tails import TailTimeoutError
from streams.claim import Claim, OvertakenError
from streams.fencing import ShutOut
from streams.hanging import transactional_id
from streams.holding import Holding
from streams.journal import FencedError
from streams.lanes import Lane
from streams.outside import Outside
from streams.progress import NotOursError
from streams.publisher import HangingError
from streams.rows import Place, Record
from wallet.torture.simulation import clients, sessions
from wallet.torture.simulation.event_loop import EventLoop
from wallet.torture.simulation.turns import Gone, Process, Task

if TYPE_CHECKING:
    from wallet.torture.simulation.world import World


ACCIDENTS: Final = (
    psycopg2.OperationalError,
    KafkaException,
    TailTimeoutError,
    FencedError,
    NotOursError,
    HangingError,
)
"""What servers and other workers may do to a worker; all else is a fault of ours."""


PATIENCE: Final = 0.95
"""The chance, at each look, that a lane waits on for its turn."""


class Waiting:
    """threading.Condition of a lane, as turns: whoever waits looks again when it is notified."""

    def __init__(self, world: "World") -> None:
        self._turns = world.turns
        self._dozing = world.dozing
        self._waiter: Task | None = None

    def __enter__(self) -> None:
        """One task has the turn, so there is nothing to lock."""

    def __exit__(self, *_: object) -> None:
        """As above."""

    def notify(self) -> None:
        """Let the lane look."""
        if self._waiter is not None:
            self._turns.wake(self._waiter)

    def wait_for(self, predicate: Callable[[], object], timeout: float | None = None) -> bool:
        """Wait until it is true; with a timeout also until the world has that time pass."""
        self._turns.pause()
        while not predicate():
            self._waiter = waiter = self._turns.current
            assert waiter is not None, "who waits is a task"
            if timeout is not None:
                self._dozing.append(waiter)
            try:
                self._turns.block()
            finally:
                self._waiter = None
                if waiter in self._dozing:
                    self._dozing.remove(waiter)
            if timeout is not None:
                return bool(predicate())
        return True


class WaitedTurns:
    """streams.turns.Turns, as steps: a lane waits until the turn is free, or for long enough.

    Who came first does not go first here: whatever the order, it is to be sound.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._taken = False

    @contextmanager
    def turn(self, _seconds: float) -> Iterator[None]:
        """Wait for a turn, and have it; or go on without."""
        while self._taken and self._world.chance.random() < PATIENCE:
            self._world.step("wait for a turn")
        mine = not self._taken
        self._taken = True
        try:
            yield
        finally:
            if mine:
                self._taken = False


class SimulatedLane(Lane):
    """A lane whose thread is a task."""

    worker: "Worker"

    def start(self) -> None:
        """Begin to work, at some later turn."""
        process = self.worker.process
        self.worker.world.turns.spawn(process, f"{process.name}.{self.name}", self.run)

    def _take(self) -> list[Record]:
        taken = super()._take()
        self.worker.nudge()  # there is room again
        return taken


class SimulatedHolding(Holding):
    """Makes lanes that are tasks."""

    worker: "Worker"

    def _lane(self, held: Claim) -> Lane:
        worker = self.worker
        lane = worker.world.lane(self.settings, held, self._tell, self.outside, worker.lane_turns)
        lane.worker = worker
        lane._condition = cast("Any", Waiting(worker.world))  # noqa: SLF001 - its one wait
        return lane


class Worker:
    """One life of a worker process, from its start to its death."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.process = Process(name)
        self.deep = False
        """Whether it stays frozen until nothing else can happen."""
        self.leaving = False
        """Whether it has been told to end, politely."""
        self.generation = 0
        self.positions: dict[int, int] = {}
        self._inbox: deque[tuple[int, int, list[Record]]] = deque()
        self.lane_turns = cast("Any", WaitedTurns(world)) if world.plan.crowded else None
        self.loop = EventLoop(world.turns, self.process)
        self.holding = SimulatedHolding(world.settings, name, self._outside())
        self.holding.worker = self
        self.holding.on_arrivals(self._ring)
        self._awaited: asyncio.Future[None] | None = None
        self._claiming: list[asyncio.Task[None]] = []
        world.turns.spawn(self.process, name, self._run)

    def nudge(self) -> None:
        """Something has changed outside: look."""
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)

    def tick(self) -> None:
        """Look for events that wait, as the bell does every second."""
        partitions = {key[0] for key in self.world.database.tables["arrivals"]}
        self.holding.wake_many(partitions)

    def crash(self, why: str, error: BaseException) -> NoReturn:
        """End the process, as os._exit does."""
        if not self.process.dead:
            said = f"{why}: {type(error).__name__}: {error}"
            self.world.note(f"crash: {said}")
            if not isinstance(error, ACCIDENTS):
                self.world.wrong(f"a worker ended for no fault of the servers: {said}")
            self.world.kill(self)
        raise Gone

    def _outside(self) -> Outside:
        world, process = self.world, self.process

        def connect(_settings: object, name: str) -> Any:  # noqa: ANN401 - stands for psycopg2's
            world.step(f"connect {name}")
            return sessions.connect(world.database, world.statements, process, name)

        def producer(configuration: dict[str, Any]) -> Any:  # noqa: ANN401 - stands for confluent's
            return clients.Producer(world.broker, process, configuration)

        def consumer(_configuration: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
            return clients.Consumer(world.broker)

        @contextmanager
        def fence(_settings: object, place: Place) -> Iterator[ShutOut]:
            initialise = partial(world.broker.initialise, transactional_id(world.settings, place))

            def shut_out() -> None:
                world.step("shut out")
                if world.takes("shut out late"):
                    world.broker.late.append(initialise)
                else:
                    initialise()

            yield shut_out

        def commit(_settings: object, place: Place, topics: Collection[str]) -> None:
            partitions = [(topic, place.partition) for topic in topics]
            clients.commit_hanging(
                world.broker, transactional_id(world.settings, place), partitions
            )

        return Outside(
            connect=connect,
            producer=producer,
            consumer=consumer,
            crash=self.crash,
            ends=lambda _settings: clients.Ends(world.broker),
            summarise=lambda _connection: None,
            fence=fence,
            commit=commit,
            pause=lambda _seconds: world.step("pause"),
        )

    def _ring(self, partitions: set[int]) -> None:
        """Tell other workers of events that wait for them; some do not hear it."""
        self.world.step("ring the bell")
        for worker in self.world.workers:
            if worker is not self and self.world.chance.random() < 0.7:  # noqa: PLR2004 - most do
                worker.holding.wake_many(partitions)

    def _run(self) -> None:
        self.loop.run_until_complete(self._live())

    async def _live(self) -> None:
        while True:
            self.world.turns.pause()
            if self.leaving:
                await self._leave()
            if self.generation != self.world.group.generation and self.world.coin():
                await self._rebalance()
            elif self._inbox:
                self._move()
            elif not self._fetch():
                await self._sleep()

    async def _sleep(self) -> None:
        if self.generation != self.world.group.generation:
            await asyncio.sleep(0.001)  # virtual: until it is noticed by chance
            return
        self._awaited = self.loop.create_future()
        await self._awaited

    async def _leave(self) -> NoReturn:
        """What a worker does at SIGTERM (streams.worker)."""
        world = self.world
        world.step("leave")
        self.holding.let_go()
        world.group.leave(self.process.name)
        world.nudge_all()

        async def is_somebody_there() -> bool:
            world.step("is somebody there")
            return bool(world.group.members)

        await self.holding.hand_over(is_somebody_there)
        await self.holding.give_up()
        world.kill(self)
        raise Gone

    async def _rebalance(self) -> None:
        """Faust's part: give everything up, then take over what we are given."""
        group, name = self.world.group, self.process.name
        if name not in group.members:
            group.join(name)  # put out meanwhile
            self.world.nudge_all()
        self.generation = group.generation
        self.world.step(f"generation {self.generation}")
        await self.holding.give_up()
        generation = self.generation
        partitions = group.partitions_of(name)
        for _ in range(1 + (self.world.chance.random() < 0.1)):  # noqa: PLR2004 - Faust asks twice
            claiming = self.loop.create_task(self._take_over(partitions, generation))
            self._claiming.append(claiming)

    async def _take_over(self, partitions: list[int], generation: int) -> None:
        try:
            await self.holding.take_over(
                partitions, lambda: self.generation == generation, self._go_to
            )
        except OvertakenError as error:
            self.world.note(f"{self.process.name} gives its claim up: {error}")
        self.nudge()

    async def _go_to(self, offsets: dict[int, int]) -> None:
        """Fetch from there on, once others had a turn."""
        self.world.step("seek")
        self.positions.update(offsets)
        self.nudge()

    def _fetch(self) -> bool:
        """Fetch a run of some partition, from where we are or somewhere near; False without one."""
        world, draw = self.world, self.world.chance.random
        for partition, position in self.positions.items():
            log = world.commands(partition)
            if position >= len(log) or not self.holding.has_room(partition):
                continue
            start = position
            if draw() < 0.1:  # noqa: PLR2004 - now and then, off the place
                start = max(0, position + int(draw() * 5) - 3)
            end = min(len(log), start + 1 + int(draw() * 5))
            run = log[start:end]
            if run:
                self.positions[partition] = max(end, position)
                self._inbox.append((self.holding.round, partition, list[Record](run)))
            return True
        return False

    def _move(self) -> None:
        """The agent's part: a run goes into its lane; one that leaves a gap is sought again."""
        round_, partition, run = self._inbox.popleft()
        missing = self.holding.offer(round_, partition, run)
        if missing is not None:
            self.positions[partition] = missing
