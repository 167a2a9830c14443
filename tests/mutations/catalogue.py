"""What is taken out of the protocol, one at a time, and what the simulation then finds.

Each is a named part put in place of the real one, or a patch of one function; nothing of it is in
the product. `expected` are words of findings, at least one of which must be told: the right reason.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import pytest
from confluent_kafka import KafkaException

from producers.tails import Tail
from streams import claim, progress
from streams.holding import Holding
from streams.lanes import Lane
from streams.publisher import Publisher
from wallet.torture.simulation.broker import Broker, Coordinator
from wallet.torture.simulation.database import Transaction
from wallet.torture.simulation.rows import PartitionRow
from wallet.torture.simulation.statements import Answer, Statements
from wallet.torture.simulation.world import Parts

Patch = Callable[[pytest.MonkeyPatch], None]


class Mutation(NamedTuple):
    """One thing taken out. `parts` or `patch` takes it.

    `hint` is a seed that found it when it was written: only to save time.
    """

    name: str
    expected: tuple[str, ...]
    hint: int = 0
    parts: Parts = Parts()
    patch: Patch = lambda _: None


class NoCompareAndSet(Statements):
    """A batch writes whatever epoch and offset the partition is at."""

    def is_ours(self, row: PartitionRow, epoch: int, first: int) -> bool:
        """Take it for ours."""
        del row, epoch, first
        return True


class NoEpoch(Statements):
    """A batch compares the offset, but not the epoch."""

    def is_ours(self, row: PartitionRow, epoch: int, first: int) -> bool:
        """Take the epoch for ours."""
        del epoch
        return row.next_offset == first


class NoDedupe(Statements):
    """A batch takes every id for new."""

    def seen(self, txn: Transaction, keys: list[str]) -> list[list[str]]:
        """See nothing."""
        del txn, keys
        return []


class UnsortedLocks(Statements):
    """Batches lock their wallets in whatever order."""

    def order(self, _txn: Transaction, wallet_ids: Iterable[str]) -> list[str]:
        """Give an order by chance."""
        up = sorted(wallet_ids)
        return up if _txn.session.database.world.coin() else up[::-1]


class BlindToNewWallets(Statements):
    """Wallets that were made while a batch waited for its locks stay unseen.

    The second look alone can be missed: whoever misses it finds the wallet under the hold.
    """

    def look_again(
        self, txn: Transaction, wallet_ids: list[str], _found: list[list[str]]
    ) -> list[list[str]]:
        """Be content with what was found."""
        del txn, wallet_ids
        return _found

    def appeared(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """See nothing."""
        del txn, arguments
        return []


class NoHoldOnAbsent(Statements):
    """Nothing keeps a wallet from being made that a batch has missed."""

    def hold_absent(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Lock nothing."""
        del txn, arguments
        return []


class OnlyAShareOfArrivals(Statements):
    """A batch takes the first events that wait, and not all those of its own wallets."""

    def take_arrivals(
        self, txn: Transaction, partition: int, wallet_ids: set[str], most: int
    ) -> list[list[str]]:
        """Take a share."""
        del wallet_ids
        return super().take_arrivals(txn, partition, set(), most - 1)


class NoFence(Broker):
    """A new producer neither shuts the last one out nor ends its transaction."""

    def initialise(self, transactional_id: str) -> tuple[Coordinator, int]:
        """Change nothing."""
        return self.coordinators.setdefault(transactional_id, Coordinator()), 0


def swallow(patch: pytest.MonkeyPatch) -> None:
    """A publish that fails is passed over, as Faust would, instead of ending the process."""
    publish = Publisher.publish

    def forgiving(self: Publisher, *messages: Any) -> None:  # noqa: ANN401 - as publish takes them
        try:
            publish(self, *messages)
        except KafkaException:
            return

    patch.setattr(Publisher, "publish", forgiving)


def publish_again(patch: pytest.MonkeyPatch) -> None:
    """A publish that fails is tried again on the same producer, instead of ending the process."""
    publish = Publisher.publish

    def stubborn(self: Publisher, *messages: Any) -> None:  # noqa: ANN401 - as above
        try:
            publish(self, *messages)
        except KafkaException:
            publish(self, *messages)

    patch.setattr(Publisher, "publish", stubborn)


def read_no_tail(patch: pytest.MonkeyPatch) -> None:
    """A claim publishes the newest batch again, whatever the log has."""
    patch.setattr(claim, "_last_result", lambda _place, _tail, now: now.floor_offset)


def read_no_epoch(patch: pytest.MonkeyPatch) -> None:
    """A claim does not look whether another came after it."""
    raised: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # an id is given anew
    raise_epoch, read = progress.raise_epoch, progress.read

    def raise_and_note(cursor: Any, place: Any, owner: str) -> progress.Progress:  # noqa: ANN401
        mine = raise_epoch(cursor, place, owner)
        raised[cursor] = mine.epoch
        return mine

    def read_as_ours(cursor: Any, place: Any) -> progress.Progress:  # noqa: ANN401 - as psycopg2's
        now = read(cursor, place)
        return now._replace(epoch=raised.get(cursor, now.epoch))

    patch.setattr(progress, "raise_epoch", raise_and_note)
    patch.setattr(progress, "read", read_as_ours)


def give_up_though_ours(patch: pytest.MonkeyPatch) -> None:
    """An owner whose claim was overtaken does not claim again (a fault of ours, once)."""

    async def once(self: Any, partitions: set[int], *rest: Any) -> None:  # noqa: ANN401 - as above
        await self._claim_all(sorted(partitions), *rest)

    patch.setattr(Holding, "_insist", once)


def take_while_parked(patch: pytest.MonkeyPatch) -> None:
    """A lane keeps what comes while it is parked (a fault of ours, twice)."""
    offer = Lane.offer

    def offer_as_if_open(self: Any, run: Any) -> int | None:  # noqa: ANN401 - its insides
        was_open, self._open = self._open, True
        try:
            return offer(self, run)
        finally:
            self._open = was_open

    patch.setattr(Lane, "offer", offer_as_if_open)


def take_while_it_waits(patch: pytest.MonkeyPatch) -> None:
    """The same, but what came is forgotten when it resumes (a fault of ours, once).

    It does no harm but where a lane waits for its turn: that one is at work, with nothing taken.
    """
    take_while_parked(patch)
    resume = Lane.resume

    def resume_anew(self: Any) -> None:  # noqa: ANN401 - its insides
        self._backlog.clear()
        resume(self)

    patch.setattr(Lane, "resume", resume_anew)


def keep_ended_lanes(patch: pytest.MonkeyPatch) -> None:
    """A round that is overtaken leaves its ended lanes to the next (a fault of ours, once)."""
    keep = Holding._keep  # noqa: SLF001 - what is taken out

    async def keep_all(self: Any, partitions: set[int], *rest: Any) -> set[int]:  # noqa: ANN401
        before = dict(self._lanes)
        kept = await keep(self, partitions, *rest)
        self._lanes = {p: lane for p, lane in before.items() if p in partitions} | self._lanes
        return kept

    patch.setattr(Holding, "_keep", keep_all)


def leave_hanging(patch: pytest.MonkeyPatch) -> None:
    """A claim reads the log without ending what Kafka has left open (a fault of ours, once)."""
    patch.setattr(claim, "hanging", lambda *_: [])


def say_on(patch: pytest.MonkeyPatch) -> None:
    """A batch is written whether readers see the last one or not (a fault of ours, once)."""

    def write(self: Any, held: Any, asked: Any) -> Any:  # noqa: ANN401 - its insides are changed
        self._publisher._unseen, self._publisher._question = {}, None  # noqa: SLF001 - the same
        return self._journal.write(held, asked)

    patch.setattr(Lane, "_write", write)


def say_late(patch: pytest.MonkeyPatch) -> None:
    """A batch is written, and its transaction waits until readers see the last one (ours, once).

    Where a claim dies while it ends what hangs, the next one aborts two batches.
    """

    def write(self: Any, held: Any, asked: Any) -> Any:  # noqa: ANN401 - its insides are changed
        return self._journal.write(held, asked)

    publish = Publisher.publish

    def published(self: Any, *said: Any) -> None:  # noqa: ANN401 - as above
        self.await_seen()
        publish(self, *said)

    patch.setattr(Lane, "_write", write)
    patch.setattr(Publisher, "publish", published)


def rest_unseen(patch: pytest.MonkeyPatch) -> None:
    """A lane at rest does not look whether readers see what it said (a fault of ours, once)."""
    patch.setattr(Publisher, "seen", True)


def say_whole_batches(patch: pytest.MonkeyPatch) -> None:
    """A claim tells all events of the newest batch or none, though some may be there."""
    events = claim._events  # noqa: SLF001 - what is changed

    def all_or_none(place: Any, tail: Any, cursor: Any, now: Any) -> Any:  # noqa: ANN401 - as above
        told = events(place, tail, cursor, now)
        return (
            events(place, Tail(0, 0, str(now.batch_event - 1).encode()), cursor, now)
            if told
            else []
        )

    patch.setattr(claim, "_events", all_or_none)


NO_FAULT = "a worker ended for no fault of the servers"
TWICE = ("I1: a second result", "I3: src does not rise", "I4: numbers of events have a gap")
WENT_ON = (
    "progress went back",
    "I4: an entry without its event",
    "I2: a stored result is not in the log",
    "I4: a wallet's events have a gap",
    "is missing",
    *TWICE,
)
"""A zombie's batch went through; its commands were known, so what it spoils is its progress."""
MISSING = (
    "I2: a stored result is not in the log",
    "I4: the log has fewer events",
    "I4: numbers of events have a gap",
)

MUTATIONS = (
    Mutation("compare-and-set", WENT_ON, 95, parts=Parts(statements=NoCompareAndSet)),
    Mutation("epoch", WENT_ON, 95, parts=Parts(statements=NoEpoch)),
    Mutation("tail read", TWICE, 5, patch=read_no_tail),
    Mutation("dedupe", ("RetriesExhaustedError",), 0, parts=Parts(statements=NoDedupe)),
    Mutation("exit: passed over", (*MISSING, NO_FAULT), 5, patch=swallow),
    Mutation("exit: tried again", TWICE, 0, patch=publish_again),
    Mutation(
        "sorted lock", ("a deadlock of two batches",), 8, parts=Parts(statements=UnsortedLocks)
    ),
    Mutation("fence", TWICE, 40, parts=Parts(broker=NoFence)),
    Mutation("second look", ("I10",), 113, parts=Parts(statements=BlindToNewWallets)),
    Mutation("hold on absent", ("I10",), 192, parts=Parts(statements=NoHoldOnAbsent)),
    Mutation(
        "arrivals", ("I4: a wallet's events",), 66, parts=Parts(statements=OnlyAShareOfArrivals)
    ),
    Mutation("claim again", ("I7: not at rest",), 14047, patch=give_up_though_ours),
    Mutation("runs refused", (NO_FAULT,), 18, patch=take_while_parked),
    Mutation("runs before a turn", (NO_FAULT,), 1580, patch=take_while_it_waits),
    Mutation("ended lanes", ("I7: not at rest",), 332, patch=keep_ended_lanes),
    Mutation("hanging ended", (*TWICE, NO_FAULT), 55, patch=leave_hanging),
    Mutation("seen before going on", (*MISSING, NO_FAULT), 55, patch=say_on),
    Mutation("seen before writing", (*MISSING, NO_FAULT), 9026, patch=say_late),
    Mutation("seen at rest", MISSING, 249, patch=rest_unseen),
    Mutation("events one by one", TWICE, 2563, patch=say_whole_batches),
    Mutation("epoch re-read", (NO_FAULT,), 9406, patch=read_no_epoch),
)
