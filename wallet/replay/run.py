"""A replay from beginning to end: into a database beside the ledger's, or on in a restored one."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Final

import msgspec
from psycopg2 import extensions

from consumers.audit.snapshot import Snapshot
from schemas.settings import Settings
from wallet.failure import Failure
from wallet.replay import databases, settling
from wallet.replay.comparing import NOT_COMPARED, Chosen, Compared, compare
from wallet.replay.copying import copy_before
from wallet.replay.cutting import From, cut, since
from wallet.replay.failure import Difference, DiffersFailure
from wallet.replay.order import Head, Known, Order
from wallet.replay.plan import (
    Part,
    Standing,
    await_said,
    plan,
    said_so_far,
    without_spare,
)
from wallet.replay.published import CLOCKS_MS, published_ends
from wallet.replay.recorded import Next, Survey, commands, items, recorded
from wallet.replay.said import Said
from wallet.replay.second import Made, Second, Start

BATCH: Final = 4000
"""Commands of a transaction of the second ledger."""
ROUND: Final = 20_000
"""Commands of a round of a catch-up, which is one transaction: fewer versions of each row."""

WALLETS_IN_MEMORY: Final = 1_000_000
"""Of as many the sequences are read at the beginning: some 150 MB."""
Tell = Callable[[str, int, int], None]
"""Takes a stage, how much of it is done and how much there is to do."""


class Span(msgspec.Struct, frozen=True):
    """What was replayed of a partition: offsets from `start` on and before `end`."""

    partition: int
    start: int
    end: int


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a replay found. `equal` is the verdict on all that was compared, if anything was."""

    database: str
    equal: bool | None
    commands: int
    seconds: float
    commands_per_second: float
    partitions: list[Span]
    compared: dict[str, int]
    """How many results and events of the logs were held against the replay's, byte by byte."""
    waiting: int = 0
    """Events that wait for their partition's worker."""
    unpublished: int = 0
    """Commands that were decided, though nothing of them was ever published."""
    tables: dict[str, Compared] = {}
    not_compared: dict[str, str] = {}
    differences: list[Difference] = []
    dry_run: bool = False


class Wish(msgspec.Struct, frozen=True):
    """What is asked for: the database to make, beside which source of truth, and how far."""

    into: str
    fresh: bool = False
    log_only: bool = False
    dry_run: bool = False
    partitions: frozenset[int] = frozenset()
    start: From = From()


def into(settings: Settings, wish: Wish, tell: Tell) -> Outcome:
    """Make a second ledger and hold it against the first. Raises Failure."""
    second = databases.beside(settings, wish.into)
    with ExitStack() as stack:
        first = None
        if not wish.log_only:
            first = stack.enter_context(closing(_first(settings)))
        parts = _parts(settings, wish, first)
        is_end = wish.log_only and not wish.partitions
        if not is_end:
            parts = [without_spare(part) for part in parts]
        if wish.dry_run:
            return _planned(wish.into, parts)
        databases.make(second, fresh=wish.fresh)
        cursor = stack.enter_context(databases.session(second, safely=False))
        with _transaction(cursor):
            databases.take_over(cursor, second)
            settling.copy_clock(cursor, first.advances() if first else ())
            if first and not wish.start.is_beginning:
                copy_before(first, settings, cursor, [part.start for part in parts])
        run = Run(second, cursor, parts, tell)
        run.go(BATCH, lambda: _transaction(cursor))
        with _transaction(cursor):
            run.settle(is_end_of_log=is_end)
        return _held_against(run, wish, first)


def catch_up(settings: Settings, tell: Tell, *, dry_run: bool) -> Outcome:
    """Go on in a restored database with all that the logs say was done since. Raises Failure.

    One transaction: it has caught up, or it is as it was. A dry run ends with the latter.
    """
    with databases.session(settings, safely=True) as cursor, _transaction(cursor, keep=not dry_run):
        databases.take_over(cursor, settings)
        starts = databases.standing(cursor, settings)
        said = said_so_far(settings)
        ends = published_ends(settings, said, starts)
        parts = plan(settings, starts, ends, said)
        run = Run(settings, cursor, parts, tell)
        run.go(ROUND, _nothing)
        run.settle(is_end_of_log=True)
        return run.outcome("the ledger's own", dry_run=dry_run)


class Run:
    """The commands of a plan through the second ledger, whose session this is."""

    def __init__(
        self, settings: Settings, cursor: extensions.cursor, parts: list[Part], tell: Tell
    ) -> None:
        self.settings = settings
        self._cursor = cursor
        self._parts = parts
        self.tell = tell
        self._said = Said(
            settings,
            {part.partition: part.events for part in parts},
            {part.partition: part.first_event for part in parts},
        )
        self._answered = 0
        self._ahead_ms = 0
        self._began = time.monotonic()
        self._seconds = 0.0
        self.done = 0
        self.waiting = 0
        self.unpublished = 0
        self.differences: list[Difference] = []

    def go(self, size: int, batch: Callable[[], AbstractContextManager[None]]) -> None:
        """Replay all, so many commands at a time. Raises Failure, DiffersFailure."""
        survey = self._survey()
        second = self._second()
        known = Known(second.fingerprints)
        heads = [self._head(part) for part in self._parts]
        order = Order(heads, survey.watchers, known, self._sequence_of(second))
        with batch():
            handed = settling.begin(self._cursor, self.settings, self._parts, self._said)
            self._said.add(second.write((), handed))
        # The events log is followed aside, while PostgreSQL is at the next batch.
        with ThreadPoolExecutor(1, thread_name_prefix="events") as aside:
            following: Future[None] | None = None
            while taken := order.take(size):
                with batch():
                    made = second.write(taken, {})
                self._count(taken, made, order)
                if following is not None:
                    following.result()
                following = aside.submit(self._said.add, made)
            if following is not None:
                following.result()
        self._answered = survey.answered
        self._ahead_ms = second.most_ahead_ms

    def _count(self, taken: list[Next], made: Made, order: Order) -> None:
        fresh = sum(each.fresh for each in taken)
        if fresh:
            order.learn({name: each.sequence for name, each in made.wallets.items()})
        self.unpublished += fresh
        self.done += len(taken)
        total = sum(part.end - part.start for part in self._parts)
        self.tell("commands", min(self.done, total), total)

    def settle(self, *, is_end_of_log: bool) -> None:
        """Let the rows say what the logs have; `is_end_of_log` where these have nothing more."""
        bounds = {part.partition: (part.start, part.end) for part in self._parts}
        unsaid, self.differences = self._said.finish(bounds)
        if self.differences:
            raise DiffersFailure(self.differences[0])
        self.waiting = sum(len(each.waiting) for each in unsaid.values())
        settling.settle(self._cursor, self.settings, self._parts, unsaid)
        settling.doubt_calls(self._cursor)
        settling.keep_clock(self._cursor, self._ahead_ms)
        if is_end_of_log:
            settling.check_numbers(self._cursor, self.settings, self._said.numbers)
        self._seconds = time.monotonic() - self._began

    def outcome(
        self,
        database: str,
        tables: Mapping[str, Compared] | None = None,
        differences: list[Difference] | None = None,
        *,
        dry_run: bool = False,
    ) -> Outcome:
        """What is told of it."""
        found = differences or []
        return Outcome(
            database=database,
            equal=not found,
            commands=self.done,
            seconds=round(self._seconds, 3),
            commands_per_second=round(self.done / self._seconds, 1) if self._seconds else 0.0,
            partitions=_spans(self._parts),
            compared={"results": self._answered, "events": self._said.compared},
            waiting=self.waiting,
            unpublished=self.unpublished,
            tables=dict(tables or {}),
            not_compared=NOT_COMPARED if tables else {},
            differences=found,
            dry_run=dry_run,
        )

    def _survey(self) -> Survey:
        survey = Survey()
        for turn, part in enumerate(self._parts):
            survey.take(recorded(self.settings, part.results, part.start, part.end))
            self.tell("results", turn + 1, len(self._parts))
        return survey

    def _second(self) -> Second:
        standing = databases.standing(self._cursor, self.settings)
        starts = {p: Start(each.epoch, each.next_offset) for p, each in standing.items()}
        horizon_ms = self.settings.withdrawal_horizon_days * 24 * 3600 * 1000
        return Second(self._cursor, self.settings.topics.commands.name, starts, horizon_ms)

    def _head(self, part: Part) -> Head:
        answers = recorded(self.settings, part.results, part.start, part.end)
        return Head(
            part.partition,
            commands(self.settings, part.commands, answers),
            items(self.settings, part.spare),
        )

    def _sequence_of(self, second: Second) -> Callable[[str], int]:
        """How wallets are looked up that the replay has not come by: at once, or one by one."""
        found = second.sequences(WALLETS_IN_MEMORY)
        return second.sequence if found is None else (lambda wallet_id: found.get(wallet_id, 0))


def _first(settings: Settings) -> Snapshot:
    """A view of the first ledger. Raises Failure where there is none to compare with."""
    first = Snapshot(settings.database_url)
    if not first.standing(settings.topics.commands.name):
        first.close()
        raise Failure(
            "the ledger's database knows no command of this topic; to hold the replay against the"
            " logs alone, say --log-only; to fill this very database, --catch-up"
        )
    return first


def _parts(settings: Settings, wish: Wish, first: Snapshot | None) -> list[Part]:
    """Everything that the first ledger has done, or the logs say that was done."""
    nothing = dict.fromkeys(range(settings.partitions), Standing())
    if first is None:
        if not wish.start.is_beginning:
            raise Failure("what was before is copied from the first ledger: leave out --log-only")
        said = said_so_far(settings)
        ends = published_ends(settings, said, nothing)
    else:
        standing = databases.standing_of(first, settings)
        said = await_said(settings, standing)
        ends = {p: standing.get(p, Standing()).next_offset for p in nothing}
    if wish.partitions:
        ends = {p: end if p in wish.partitions else 0 for p, end in ends.items()}
    if first is None or wish.start.is_beginning:
        return plan(settings, nothing, ends, said)
    found = cut(settings, first, wish.start, ends)
    # Where no result is kept, what the first ledger knows to be published is all there is to know.
    # Not its last result: that may be of a batch that was stored and is still to be published.
    starts = {
        p: Standing(at, floor_offset=standing.get(p, Standing()).floor_offset)
        for p, at in enumerate(found)
    }
    return plan(settings, starts, ends, said, since(settings, found) - CLOCKS_MS)


def _held_against(run: Run, wish: Wish, first: Snapshot | None) -> Outcome:
    """The verdict: of the logs, and where there is a first ledger, of its tables."""
    if first is None:
        return run.outcome(wish.into)
    run.tell("tables", 0, 1)
    topic = run.settings.topics.commands.name
    with closing(Snapshot(run.settings.database_url)) as second:
        chosen = Chosen(wish.partitions, is_whole=wish.start.is_beginning)
        tables, differences = compare(first, second, topic, chosen)
    run.tell("tables", 1, 1)
    return run.outcome(wish.into, tables, differences)


def _planned(name: str, parts: list[Part]) -> Outcome:
    total = sum(part.end - part.start for part in parts)
    spans = _spans(parts)
    return Outcome(
        database=name,
        equal=None,
        commands=total,
        seconds=0.0,
        commands_per_second=0.0,
        partitions=spans,
        compared={},
        dry_run=True,
    )


def _spans(parts: list[Part]) -> list[Span]:
    return [Span(part.partition, part.start, part.end) for part in parts]


@contextmanager
def _transaction(cursor: extensions.cursor, *, keep: bool = True) -> Iterator[None]:
    """A transaction of its own; rolled back when something is raised, or it is not to be kept."""
    cursor.execute("BEGIN")
    try:
        yield
    except BaseException:
        if not cursor.connection.closed:
            cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT" if keep else "ROLLBACK")


@contextmanager
def _nothing() -> Iterator[None]:
    """A part of a transaction that is under way."""
    yield
