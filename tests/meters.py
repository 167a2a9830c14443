"""What a batch costs, counted and not timed: statements, WAL, requests, instructions, memory.

A real lane on a real database and broker, through the protocol's one seam to the outside
(streams/outside.py). Every meter gives the same figure on a busy machine as on a quiet one.
"""

import json
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, Self

import psycopg2
from confluent_kafka import Producer
from psycopg2 import extensions

import schemas
import streams
from producers.load import Load
from producers.message import Message
from schemas.identifiers import partition_of
from schemas.settings import Settings
from streams.claim import claim
from streams.journal import connect
from streams.lanes import Lane
from streams.outside import OUTSIDE
from streams.rows import Place
from tests.paper import PaperRecord
from tests.workers import wait_until

NOW_MS = 1_795_082_400_000
COMMANDS = 200
"""Of a batch that is measured."""

MIXES = ("sale", "transfer", "abroad")
"""Sales and deposits, transfers within the partition, and transfers to all partitions."""

BATCHES = 3
"""Measured of each kind; the least counts, as everything that disturbs a count adds to it."""

WARM = 3
"""Batches of each kind: a session plans a statement anew some times, then keeps a plan."""

OURS = tuple(f"{Path(str(room.__file__)).parent}{os.sep}" for room in (streams, schemas))

TABLES = """
SELECT sum(n_tup_ins), sum(n_tup_upd + n_tup_del), sum(seq_scan + coalesce(idx_scan, 0))
FROM pg_stat_user_tables
"""
WAL = "SELECT wal_records, wal_fpi, wal_bytes FROM pg_stat_get_backend_wal(%s)"


class Cost(NamedTuple):
    """What one batch took."""

    round_trips: int
    """Texts sent to the database."""
    statements: int
    """In these texts."""
    inserted: int
    changed: int
    scans: int
    """Of tables and indexes, also by what functions do."""
    wal_records: int
    wal_bytes: int
    """Without whole pages, which follow a checkpoint."""
    kafka_requests: dict[str, int]
    """By kind."""


class Instructions:
    """Counts what Python executes of our own code, in threads that are made within it."""

    def __init__(self) -> None:
        self.count = 0
        self._on = False
        self._others: Any = None
        self._known: dict[CodeType, bool] = {}

    def __enter__(self) -> Self:
        self._others = threading.gettrace()
        threading.settrace(self._entered)
        return self

    def __exit__(self, *_: object) -> None:
        threading.settrace(self._others)

    def of(self, work: Callable[[], object]) -> int:
        """Instructions executed until this work returns."""
        self.count, self._on = 0, True
        try:
            work()
        finally:
            self._on = False
        return self.count

    def _entered(self, frame: FrameType, _event: str, _: Any) -> Any:  # noqa: ANN401 - sys.settrace's
        if not self._on or not self._is_ours(frame.f_code):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._executed

    def _executed(self, _frame: FrameType, event: str, _: Any) -> Any:  # noqa: ANN401 - as above
        if event == "opcode":
            self.count += 1
        return self._executed

    def _is_ours(self, code: CodeType) -> bool:
        known = self._known.get(code)
        if known is None:
            known = self._known[code] = code.co_filename.startswith(OURS)
        return known


class Desk:
    """One lane of a ledger that no worker has, with meters at its ways to the outside.

    `producer` are settings of librdkafka's, with _ for a dot.
    """

    def __init__(self, settings: Settings, partition: int = 0, **producer: object) -> None:
        self.settings = settings
        self.texts: list[str] = []
        self._more = {name.replace("_", "."): value for name, value in producer.items()}
        self._connection: extensions.connection | None = None
        self._producer: Producer | None = None
        self._told = threading.Event()
        self._requests: dict[str, int] = {}
        self._errors: list[tuple[str, BaseException]] = []
        outside = OUTSIDE._replace(
            connect=self._connect, producer=self._produce, crash=self._crashed
        )
        place = Place(settings.topics.commands.name, partition, settings.partitions)
        held = claim(settings, place, "desk", lambda: True, outside)
        self._lane = Lane(settings, held, lambda _: None, outside)
        self._lane.start()
        self._offset = held.next_offset

    def close(self) -> None:
        """End the lane."""
        self._lane.end()
        self._lane.join(20)

    def batch(self, records: Iterable[PaperRecord]) -> None:
        """Let the lane work off one batch, and wait until it rests."""
        taken = list(records)
        for record in taken:
            record.offset, record.timestamp = self._offset, NOW_MS + self._offset
            self._offset += 1
        assert self._lane.offer(taken) is None
        wait_until(self._rests, 30, "end of the batch")

    def cost(self, records: Iterable[PaperRecord]) -> Cost:
        """What a batch takes."""
        before, requests = self._counted(), self._kafka_requests()
        self.texts.clear()
        self.batch(records)
        texts = [*self.texts]
        after, now = self._counted(), self._kafka_requests()
        inserted, changed, scans, wal_records, pages, wal_bytes = (
            new - old for new, old in zip(after, before, strict=True)
        )
        return Cost(
            len(texts),
            sum(len([s for s in text.split(";") if s.strip()]) for text in texts),
            inserted,
            changed,
            scans,
            wal_records,
            wal_bytes - 8192 * pages,
            {name: now[name] - requests.get(name, 0) for name in now},
        )

    def memory(self, records: Sequence[PaperRecord]) -> int:
        """The most bytes of Python's memory that a batch holds at once, where that is traced."""
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        self.batch(records)
        return tracemalloc.get_traced_memory()[1] - before

    def _rests(self) -> bool:
        assert not self._errors, self._errors
        return self._lane.next_offset == self._offset and self._lane.idle

    def _counted(self) -> tuple[int, ...]:
        """What the database has counted of the lane's own session, and of all tables."""
        if self._connection is None:
            return (0,) * 6
        with self._connection.cursor(cursor_factory=extensions.cursor) as own:
            own.execute("SELECT pg_stat_force_next_flush()")
            own.execute("SELECT pg_backend_pid()")  # a flush is at the end of a statement
            (pid,) = own.fetchone() or (0,)
        with closing(psycopg2.connect(self.settings.database_url)) as other:
            other.autocommit = True
            with other.cursor() as cursor:
                cursor.execute(TABLES)
                tables = cursor.fetchone() or ()
                cursor.execute(WAL, (pid,))
                return tuple(int(n) for n in (*tables, *(cursor.fetchone() or ())))

    def _kafka_requests(self) -> dict[str, int]:
        """What librdkafka has sent to all brokers since it was made, by kind."""
        assert self._producer is not None
        for _ in range(2):  # the second is surely younger than this call
            self._told.clear()
            wait_until(lambda: self._producer.poll(0.01) >= 0 and self._told.is_set(), 20, "stats")
        return {**self._requests}

    def _connect(self, settings: Settings, name: str) -> extensions.connection:
        texts = self.texts

        class Counted(extensions.cursor):
            """A cursor whose texts are kept."""

            def execute(self, query: Any, given: Any = None) -> None:  # noqa: ANN401 - psycopg2's
                texts.append(query)
                super().execute(query, given)

        self._connection = connect(settings, name)
        self._connection.cursor_factory = Counted
        return self._connection

    def _produce(self, configuration: dict[str, Any]) -> Producer:
        told = {"statistics.interval.ms": 20, "stats_cb": self._stats}
        self._producer = Producer({**configuration, **told, **self._more})
        return self._producer

    def _stats(self, text: str) -> None:
        requests: dict[str, int] = {}
        for broker in json.loads(text)["brokers"].values():
            for name, count in broker.get("req", {}).items():
                requests[name] = requests.get(name, 0) + count
        self._requests = requests
        self._told.set()

    def _crashed(self, why: str, error: BaseException) -> None:
        self._errors.append((why, error))
        sys.exit(1)  # ends the lane's thread


def least(desk: Desk, make: Callable[[int], Iterable[PaperRecord]], count: int = COMMANDS) -> Cost:
    """The least of each figure over some batches of so many commands."""
    costs = [desk.cost(make(count)) for _ in range(BATCHES)]
    kinds = costs[0].kafka_requests
    requests = {kind: min(cost.kafka_requests[kind] for cost in costs) for kind in kinds}
    figures = costs[0]._asdict().keys() - {"kafka_requests"}
    found = {name: min(getattr(cost, name) for cost in costs) for name in figures}
    return Cost(**found, kafka_requests=requests)


class Source:
    """Commands of a seed on wallets of which those of partition 0 are the payers."""

    def __init__(self, settings: Settings, wallets: int = 400) -> None:
        drawn = Load(7, wallets * settings.partitions)
        here = [w for w in drawn.wallets if partition_of(w, settings.partitions) == 0]
        self._here = Load(8, here)
        self._all = Load(9, drawn.wallets)
        self._settings = settings

    def opening(self) -> list[PaperRecord]:
        """Open all wallets, also those of other partitions: their receivers."""
        return [record_of(message) for message in self._all.opening()]

    def records(self, mix: str, count: int) -> list[PaperRecord]:
        """So many commands of a mix of producers.load on wallets of partition 0."""
        return [record_of(message) for message in self._here.commands(count, mix)]

    def abroad(self, count: int) -> list[PaperRecord]:
        """So many transfers from wallets of partition 0 to wallets of any."""
        made: list[PaperRecord] = []
        while len(made) < count:
            for message in self._all.commands(count, "transfer"):
                wallet = (message.key or b"").decode()
                if partition_of(wallet, self._settings.partitions) == 0:
                    made.append(record_of(message))
        return made[:count]


def maker(source: Source, mix: str) -> Callable[[int], list[PaperRecord]]:
    """What makes commands of a mix, and of transfers abroad."""
    return source.abroad if mix == "abroad" else lambda count: source.records(mix, count)


def warm(desk: Desk, source: Source) -> None:
    """Fill what a batch finds full, now that the wallets are open: plans, caches, pages."""
    for _ in range(WARM):
        desk.batch(source.records("sale", COMMANDS))
        desk.batch(source.abroad(COMMANDS))


def record_of(message: Message) -> PaperRecord:
    """A message as the transport hands it to a lane, before it has a place."""
    return PaperRecord(0, 0, message.key, message.value, message.headers)
