"""Which partitions this worker holds: claims them, gives them up, finds their lanes.

All methods run in the worker's event loop but three, which may be called from any thread:
`wake_many`, `lanes` and `_tell`.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, NamedTuple

import structlog

from schemas.settings import Settings
from streams import progress
from streams.backlog import QUEUE_BYTES
from streams.claim import Claim, InconsistentError, OvertakenError, claim
from streams.lanes import Lane
from streams.outside import OUTSIDE, Outside
from streams.progress import NotOursError
from streams.rows import Place, Record
from streams.turns import Turns

log: Final = structlog.get_logger(__name__)

CLAIMS_MAX: Final = 5
"""Claims of one assignment: each former owner can overtake once with the claim it has begun."""

GAPS_MAX: Final = 5
GAP_SECONDS: Final = 5.0
"""So many seeks in vain over so long, and a gap is believed to be a hole."""

POLL_SECONDS: Final = 0.002
"""How often a running batch is looked at while it drains: a batch takes 5 to 50 ms."""

HAND_OVER_SECONDS: Final = 1.5
"""Others hear that we have left, share out what we held, and claim it: 0.3 to 0.5 s."""

HAND_OVER_LOOK_SECONDS: Final = 0.02

GoTo = Callable[[dict[int, int]], Awaitable[None]]
"""Has fetches go on from these offsets, by partition."""


async def nowhere(_: dict[int, int]) -> None:
    """Nobody fetches."""


class Gap(NamedTuple):
    """A record that did not come where it should: its offset, since when, seen how often."""

    wanted: int
    since: float
    times: int


class Holding:
    """The partitions held, each with its lane. `round` rises with every change of them."""

    def __init__(self, settings: Settings, owner: str, outside: Outside = OUTSIDE) -> None:
        self.settings = settings
        self.outside = outside
        self.round = 0
        self._owner = owner
        self._lanes: dict[int, Lane] = {}
        self._lock = asyncio.Lock()
        self._leaving = False
        self._turns = Turns()
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="claim")
        self._tell_elsewhere: Callable[[set[int]], None] = lambda _: None
        self._guard = threading.Lock()
        self._gaps: dict[int, Gap] = {}

    def on_arrivals(self, tell: Callable[[set[int]], None]) -> None:
        """Set who is told of events that wait for partitions held by other workers."""
        self._tell_elsewhere = tell

    @property
    def lanes(self) -> list[Lane]:
        """The lanes, in no order."""
        with self._guard:
            return list(self._lanes.values())

    def has_room(self, partition: int) -> bool:
        """Whether a partition may be fetched: it is claimed, and not too much of it waits."""
        lane = self._lanes.get(partition)
        if lane is None:
            return False
        lanes = len(self._lanes)
        share = max(self.settings.queue_max // lanes, self.settings.batch_max)
        return lane.queued < share and lane.queued_bytes < QUEUE_BYTES // lanes

    def offer(self, round_: int, partition: int, run: Sequence[Record]) -> int | None:
        """Hand a run to its lane; an offset to seek to when it left a gap.

        Runs fetched before the last change of the assignment are dropped: the claim's seek
        fetches them again.
        """
        lane = self._lanes.get(partition)
        if round_ != self.round or lane is None:
            return None
        return lane.offer(run)

    def note_gap(self, partition: int, wanted: int, got: int) -> None:
        """Count a run that does not follow on the last; too many of them are a hole in the log.

        A fetch that was under way during a seek leaves one such run. A hole stays: records were
        lost, or somebody produced with transactions, whose markers take offsets (FAULTS.md F5).
        """
        now = time.monotonic()
        gap = self._gaps.get(partition)
        if gap is None or gap.wanted != wanted:
            gap = Gap(wanted, now, 0)
        gap = self._gaps[partition] = gap._replace(times=gap.times + 1)
        log.warning("gap", partition=partition, wanted=wanted, got=got, count=gap.times)
        if gap.times > GAPS_MAX and now - gap.since > GAP_SECONDS:
            raise InconsistentError(
                f"Partition {partition} of the commands log has no record {wanted}; the next is"  # noqa: S608 - advice or constants of ours
                f" {got}. Were commands produced in transactions? They must not be. If nothing was"
                " lost, go on with: UPDATE partitions SET next_offset."
            )

    def wake_many(self, partitions: Iterable[int]) -> None:
        """Have these partitions look for arrived events; from any thread."""
        with self._guard:
            lanes = [self._lanes[p] for p in partitions if p in self._lanes]
        for lane in lanes:
            lane.wake()

    async def give_up(self) -> None:
        """The assignment ends: start nothing new, await running batches and claims, to the limit.

        The lanes stay parked, for the partitions that come back. A batch that outlives the limit
        is fenced by the next claim. A claim that did would fence the next owner: of two that make
        a producer for one partition, the one that does so last shuts the other out.
        """
        self.round += 1
        lanes = self.lanes
        for lane in lanes:
            lane.park()
        busy = await self._drained(lanes)
        await self._claims_ended()
        log.info("parked", partitions=[lane.place.partition for lane in lanes], busy=busy)

    def let_go(self) -> None:
        """From now on it is no alarm that others claim what we hold, nor do we claim any more."""
        self._leaving = True  # a claim under way gives up: its lane would not have been let go
        for lane in self.lanes:
            lane.let_go()

    async def hand_over(self, is_somebody_there: Callable[[], Awaitable[bool]]) -> None:
        """Work on until others have claimed all that we hold; we have let go, and left the group.

        What they claim is lost to us as to any former owner: epoch and producer shut us out. Not
        for long, and not where nobody is there to claim.
        """
        assert self._leaving, "let go before the others can hear that we leave"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + HAND_OVER_SECONDS
        while loop.time() < deadline and await is_somebody_there():
            if not any(lane.is_alive() for lane in self.lanes):
                return
            await asyncio.sleep(HAND_OVER_LOOK_SECONDS)  # others claim; nobody tells us

    async def take_over(
        self, partitions: Iterable[int], still: Callable[[], bool], go_to: GoTo = nowhere
    ) -> dict[int, int]:
        """Hold exactly these partitions; the offset to go on from, for each.

        Those that stayed ours go on at once, each of the others when its own claim is done: a
        claim takes a tenth of a second, and the group has told them to nobody else. `go_to` is
        awaited before they do, with their offsets, the first time also where none stayed. Raises
        OvertakenError when the assignment changed meanwhile; any other trouble is fatal.
        """
        async with self._lock:  # a fetch while the flow is stopped asks for a second claim
            self.round += 1
            mine = self.round

            def wanted() -> bool:
                return self.round == mine and still()

            def claimable() -> bool:
                return wanted() and not self._leaving

            try:
                kept = await self._keep(set(partitions), wanted, go_to)
                await self._insist(set(partitions) - kept, claimable, go_to)
            except OvertakenError:
                raise
            except Exception as error:
                if not claimable():
                    raise OvertakenError("a claim failed after it was overtaken") from error
                self.outside.crash("claim failed", error)
                raise
            return {lane.place.partition: lane.next_offset for lane in self.lanes}

    async def _keep(
        self, partitions: set[int], wanted: Callable[[], bool], go_to: GoTo
    ) -> set[int]:
        """Let lanes go on whose epoch is still theirs, and end all others; which go on.

        What goes on needs no more protection than before the change: whoever claims one of them
        raises its epoch, and shuts us out of its row and of its producer, as at any other time.
        """
        loop = asyncio.get_running_loop()
        for lane in self.lanes:
            lane.park()
        busy = await self._drained(self.lanes)
        resting = [
            lane
            for lane in self.lanes
            if lane.place.partition in partitions and lane.place.partition not in busy
        ]
        ours = await loop.run_in_executor(
            self._pool, unchanged, self.settings, resting, self.outside
        )
        kept = [lane for lane in resting if lane.place.partition in ours]
        for lane in self.lanes:
            if lane not in kept:
                lane.end()
        # Now, not when the claims are done: should they be overtaken, an ended lane that comes
        # back with its epoch unchanged must not be taken for one that rests.
        self._set_lanes(kept)
        _go_on(wanted)
        await go_to({lane.place.partition: lane.next_offset for lane in kept})
        _go_on(wanted)
        for lane in kept:
            lane.resume()
        log.info("kept", partitions=sorted(ours), given=sorted(partitions))
        return ours

    async def _insist(self, partitions: set[int], wanted: Callable[[], bool], go_to: GoTo) -> None:
        """Claim them, and again where another claim came in between but they are still ours.

        A former owner's claim that was under way raises the epoch late. It gives up by itself;
        nobody but us would ever claim the partition again.
        """
        missing = partitions
        for _ in range(CLAIMS_MAX):
            try:
                return await self._claim_all(sorted(missing), wanted, go_to)
            except OvertakenError as error:
                if not wanted():
                    raise
                log.warning("overtaken, but still the owner: claiming again", why=str(error))
                missing = partitions - self._lanes.keys()
        raise NotOursError(f"{CLAIMS_MAX} claims in a row were overtaken")

    async def _claim_all(
        self, partitions: list[int], wanted: Callable[[], bool], go_to: GoTo
    ) -> None:
        """Claim side by side; the first alarm, or else that we were overtaken, is raised."""
        work = [self._claim_one(partition, wanted, go_to) for partition in partitions]
        done = await _to_the_end(asyncio.gather(*work, return_exceptions=True))
        failed = [result for result in done if isinstance(result, BaseException)]
        alarms = [error for error in failed if not isinstance(error, OvertakenError)]
        for error in alarms or failed:
            raise error
        log.info("holding", partitions=sorted(self._lanes), claimed=len(partitions))

    async def _claim_one(self, partition: int, wanted: Callable[[], bool], go_to: GoTo) -> None:
        """Claim a partition and let its lane begin, whatever becomes of the others."""
        topics = self.settings.topics
        place = Place(topics.commands.name, partition, topics.partitions)
        _go_on(wanted)
        held = await asyncio.get_running_loop().run_in_executor(
            self._pool, claim, self.settings, place, self._owner, wanted, self.outside
        )
        _go_on(wanted)
        await go_to({partition: held.next_offset})
        _go_on(wanted)
        lane = self._lane(held)
        with self._guard:
            self._lanes[partition] = lane
        lane.start()

    def _set_lanes(self, lanes: Iterable[Lane]) -> None:
        with self._guard:
            self._lanes = {lane.place.partition: lane for lane in lanes}

    def _lane(self, held: Claim) -> Lane:
        return Lane(self.settings, held, self._tell, self.outside, self._turns)

    def _tell(self, partitions: set[int]) -> None:
        """Events wait for these partitions: wake our own lanes, tell the other workers."""
        with self._guard:
            elsewhere = partitions - self._lanes.keys()
        self.wake_many(partitions - elsewhere)
        if elsewhere:
            self._tell_elsewhere(elsewhere)

    async def _claims_ended(self) -> None:
        """Await the claims under way, up to the limit; they see that their round is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.settings.drain_timeout
        while self._lock.locked() and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)  # a lock can only be awaited by taking it

    async def _drained(self, lanes: list[Lane]) -> list[int]:
        """Await the running batches; the partitions still busy at the limit."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.settings.drain_timeout
        # A thread's batch has no end that could be awaited; it drains in some 20 ms.
        while any(not lane.idle for lane in lanes) and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)  # as said above
        return [lane.place.partition for lane in lanes if not lane.idle]


def _go_on(wanted: Callable[[], bool]) -> None:
    if not wanted():
        raise OvertakenError("the assignment ended while it was claimed")


async def _to_the_end(work: asyncio.Future[list[Any]]) -> list[Any]:
    """Await work in threads even where we are cancelled, as Faust does when partitions change.

    Threads are not cancelled, and nobody may claim beside them.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        raise


def unchanged(settings: Settings, lanes: Sequence[Lane], outside: Outside = OUTSIDE) -> set[int]:
    """The partitions whose epoch is still ours in the database: they need no new claim."""
    connection = outside.connect(settings, "claims")
    try:
        with connection.cursor() as cursor:
            return {
                lane.place.partition
                for lane in lanes
                if progress.read(cursor, lane.place).epoch == lane.epoch
            }
    finally:
        connection.close()
