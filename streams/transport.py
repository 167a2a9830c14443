"""Faust's transport, so that it hands over whole runs and starts where the database says.

Four things differ from Faust's aiokafka driver: `getmany` gives each fetched run of a partition
as ONE message (457,000 records/s instead of 12,000), `seek_to_committed` claims (FAULTS.md F6), a
partition whose lane is full is not fetched, while the others are, and no fetch of the others keeps
it waiting.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import aiokafka
import faust
import structlog
from aiokafka.errors import IllegalStateError
from aiokafka.protocol.group import LeaveGroupRequest
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams import unpacking
from streams.claim import OvertakenError
from streams.holding import Holding
from streams.unpacking import FetchedRecord

log: Final = structlog.get_logger(__name__)

FULL_SECONDS: Final = 0.02
"""How long to wait for a lane that is full, or that is being claimed: 20 to 100 ms."""

BUSY_SECONDS: Final = 0.03
BUSY_SHARE: Final = 0.5
"""From one fetch to the next while a lane is at work: at most, and of what its last batch took.

What comes meanwhile could not begin before that lane's batch ends, and each fetch costs a worker
2 ms of processor time and the broker 1. It is the sending that waits: a fetch that was sent at once
and taken late would bring what there was when it was sent, and keep the next one waiting. A worker
at rest fetches at once.
"""

REST_MS: Final = 500
HURRY_MS: Final = 50
"""How long the broker holds a fetch that finds nothing: at rest, and while a partition is left out.

aiokafka has one fetch under way for each node. A partition whose claim or whose room comes a
moment later waits for its end, which Faust sets to 1.5 s: so long half of all starts had one
partition silent, the others being empty.
"""

Run = tuple[int, Sequence[FetchedRecord]]
"""A run of records of one partition, and the round of the assignment it was fetched in."""


class LedgerConsumer(driver.Consumer):
    """Faust's consumer, with runs, claims and room."""

    holding: Holding
    _fetched_at = 0.0
    _paced: Any = None
    """The fetcher of aiokafka that asks us before it sends."""
    _taking: "Taking | None" = None

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch; each run of records of one partition comes as one message."""
        records, _ = await self._wait_next_records(timeout)
        generation, round_ = self.app.consumer_generation_id, self.holding.round
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for tp, run in records.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                break
            if run:
                yield tp, _message(tp, (round_, run), generation)

    async def _wait_next_records(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> tuple[Any, set[TP] | None]:
        """Fetch the partitions whose lanes have room."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type] # as Faust does
        self._pace_fetches()
        assigned = self._get_active_partitions()
        active = {tp for tp in assigned if self.holding.has_room(tp.partition)}
        self._hold_fetches(REST_MS if len(active) == len(assigned) else HURRY_MS)
        if len(active) < len(assigned):
            timeout = FULL_SECONDS  # the others are left out until the next fetch
        if active:
            return await self._getmany(active_partitions=active, timeout=timeout), active
        await asyncio.sleep(FULL_SECONDS)  # room is made in other threads
        return {}, active

    def _pace_fetches(self) -> None:
        """Have aiokafka ask us before it sends a fetch."""
        fetcher = self._client()._fetcher  # noqa: SLF001 - there is no public way
        if fetcher is not self._paced:
            self._paced = fetcher
            fetcher._get_actions_per_node = partial(  # noqa: SLF001 - as above
                self._plan,
                fetcher._get_actions_per_node,  # noqa: SLF001 - as above
            )

    def _plan(self, plan: Callable[..., Any], assignment: object) -> Any:  # noqa: ANN401 - aiokafka's
        """What aiokafka does next, in its thread: no fetch before its time."""
        fetches, resets, timeout, *rest = plan(assignment)
        if fetches and (early := self._early()) > 0:
            return [], resets, min(timeout, early), *rest
        if fetches:
            self._fetched_at = time.monotonic()
        return fetches, resets, timeout, *rest

    def _early(self) -> float:
        """In how many seconds the next fetch may be sent."""
        busy = max((lane.took for lane in self.holding.lanes if not lane.idle), default=0.0)
        return self._fetched_at + min(BUSY_SECONDS, busy * BUSY_SHARE) - time.monotonic()

    def _hold_fetches(self, milliseconds: int) -> None:
        """Have the broker hold the next fetches so long, where they find nothing."""
        fetcher = self._client()._fetcher  # noqa: SLF001 - there is no public way
        fetcher._fetch_max_wait_ms = milliseconds  # noqa: SLF001 - as above

    def _client(self) -> aiokafka.AIOKafkaConsumer:
        """What Faust has underneath. Raises ConsumerNotStarted before it has."""
        return self._thread._ensure_consumer()  # noqa: SLF001 - there is no public way

    def _new_offset(self, tp: TP) -> int | None:
        """The group's offset, for lag tools only: the database has the truth.

        A run is acknowledged as its last record, which Faust's search for gaps cannot know.
        """
        acked = self._acked[tp]
        if not acked:
            return None
        newest = max(acked) + 1
        acked.clear()
        self._acked_index[tp].clear()
        return int(newest)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Note no gap: to Faust all but the last record of a run are missing.

        It kept each as an interval for ever and merged all of them for each run: after some
        thousand runs that was most of a worker's time.
        """

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Drain our lanes first, then let Faust do its part."""
        self._taking = None  # also the same partitions are taken over anew
        await self.holding.give_up()
        await super().on_partitions_revoked(revoked)
        self._hold_fetches(HURRY_MS)  # aiokafka fetches as soon as it is told what is ours

    async def leave(self) -> None:
        """Leave the group, at a polite end, so that others take over at once.

        aiokafka lets nobody leave who has a slot's name: the group would wait for the session's
        end, in case that the slot comes back, and its partitions would be silent as long.
        """
        await self.commit(start_new_transaction=False)
        await self._thread.call_thread(_leave, self._client())

    def unheard_error(self) -> BaseException | None:
        """What went wrong in the group, until somebody fetches: aiokafka does nothing before.

        Faust does not fetch between two assignments, so it would be for ever. From any thread.
        """
        try:
            coordinator = self._client()._coordinator  # noqa: SLF001 - there is no public way
        except ConsumerNotStarted:
            return None
        return getattr(coordinator, "_pending_exception", None)

    async def put_out(self, member_id: str) -> None:
        """Tell the group that a member has left, which is dead and cannot do so itself."""
        await self._thread.call_thread(_put_out, self._client(), member_id)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek what stayed ours to where the database says; claim the rest meanwhile (step 5).

        A fetch that was under way when the flow stopped asks a second time: one taking-over of an
        assignment is enough. It goes on in a task of its own, also where Faust cancels us because
        of the next change: what it began in threads must end before anybody claims again.
        """
        assigned = {tp.partition: tp for tp in self.assignment()}
        taking = self._taking
        if taking is None or not taking.is_for(self.app.consumer_generation_id, assigned):
            taking = self._taking = Taking(self.app.consumer_generation_id, assigned)
            taking.task = asyncio.create_task(self._take_over(taking), name="take over")
        await taking.begun.wait()
        return dict(taking.sought)

    async def _take_over(self, taking: "Taking") -> None:
        app = self.app

        def still() -> bool:
            return bool(app.consumer_generation_id == taking.generation)

        async def go_to(offsets: Mapping[int, int]) -> None:
            positions = {taking.assigned[number]: offset for number, offset in offsets.items()}
            try:
                await self.seek_wait(positions)
            except IllegalStateError as error:
                raise OvertakenError("the assignment ended before the seek") from error
            taking.sought.update(positions)
            taking.begun.set()

        try:
            await self.holding.take_over(taking.assigned, still, go_to)
        except OvertakenError as error:
            log.info("claim given up", why=str(error))
            if self._taking is taking:
                self._taking = None
        finally:
            taking.begun.set()


class Taking:
    """The taking-over of one assignment; `begun` when what stayed ours goes on."""

    task: asyncio.Task[None]

    def __init__(self, generation: int, assigned: Mapping[int, TP]) -> None:
        self.generation = generation
        self.assigned = assigned
        self.sought: dict[TP, int] = {}
        self.begun = asyncio.Event()

    def is_for(self, generation: int, assigned: Mapping[int, TP]) -> bool:
        """Whether it is the one of this assignment."""
        return self.generation == generation and self.assigned == assigned


async def _leave(consumer: aiokafka.AIOKafkaConsumer) -> None:
    coordinator = consumer._coordinator  # noqa: SLF001 - there is no public way
    coordinator._group_instance_id = None  # noqa: SLF001 - as above
    await coordinator.close()


async def _put_out(consumer: aiokafka.AIOKafkaConsumer, member_id: str) -> None:
    coordinator = consumer._coordinator  # noqa: SLF001 - as above
    await coordinator._send_req(LeaveGroupRequest(coordinator.group_id, member_id))  # noqa: SLF001


def _message(tp: TP, run: Run, generation: int) -> ConsumerMessage:
    last = run[1][-1]
    return ConsumerMessage(
        last.topic,
        last.partition,
        last.offset,
        last.timestamp / 1000,
        last.timestamp_type,
        [],
        b"",
        cast("Any", run),  # the stream is raw: Faust passes the value on as it is
        None,
        0,
        0,
        tp,
        generation_id=generation,
    )


class LedgerTransport(driver.Transport):
    """Makes our consumer."""

    Consumer = LedgerConsumer


class LedgerApp(faust.App):
    """A Faust app with our transport."""

    def _new_transport(self) -> LedgerTransport:
        unpacking.install()
        return LedgerTransport(self.conf.broker_consumer, self, loop=self.loop)
