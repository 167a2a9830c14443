"""The guard of speed: what a batch may cost, counted. No clock is looked at.

Beside each limit stands a planted slowdown that it must tell. A limit is what was counted when it
was set and some percent more; whoever makes a command dearer raises it here, and says why.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple

import pytest

from schemas.decoding import Decoded, decode
from schemas.settings import Settings
from streams import asked, sql
from tests.meters import BATCHES, COMMANDS, MIXES, Cost, Desk, Instructions, Source, least, maker
from tests.paper import PaperRecord
from tests.workers import execute

pytestmark = pytest.mark.integration

Make = Callable[[int], list[PaperRecord]]


class Limits(NamedTuple):
    """What was counted of a batch of COMMANDS commands."""

    statements: int
    rows: int
    """Inserted for a command, at most."""
    scans: float
    """Of tables and indexes for a command."""
    wal_records: float
    """For a command, as all that follow."""
    wal_bytes: float
    instructions: float
    memory: float
    """Bytes."""


LIMITS: Final = {
    "sale": Limits(4, 3, 0.82, 7.75, 1190, 2180, 5950),
    "transfer": Limits(4, 3, 1.26, 9.6, 1370, 2690, 7400),
    "abroad": Limits(5, 4, 1.7, 12.2, 2140, 2605, 9020),
}
MARGIN: Final = {"scans": 1.1, "wal_records": 1.05, "wal_bytes": 1.1}
INSTRUCTIONS_MARGIN: Final = 1.05
MEMORY_MARGIN: Final = 1.1
OTHER_PYTHONS: Final = 1.0 if sys.version_info[:2] == (3, 11) else 1.2
"""Instructions and objects have other sizes there, so a limit is only a rough one."""

REQUESTS: Final = {"AddPartitionsToTxn": 3, "Produce": 3, "EndTxn": 1}
"""Of a batch: results and events, each added and sent, together or not, and one commit.

Adding is asked again where the markers of the last transaction are not written yet.
"""


@pytest.fixture(params=MIXES)
def mix(request: pytest.FixtureRequest) -> str:
    """What a batch consists of."""
    return str(request.param)


def exceeded(cost: Cost, limits: Limits) -> set[str]:
    """What of a batch of COMMANDS commands is dearer than it may be."""
    over = {"statements": cost.statements - limits.statements, "round_trips": cost.round_trips - 2}
    over["inserted"] = cost.inserted - limits.rows * COMMANDS
    for name, margin in MARGIN.items():
        over[name] = getattr(cost, name) - getattr(limits, name) * COMMANDS * margin
    for kind, count in cost.kafka_requests.items():
        over[kind] = count - REQUESTS.get(kind, 0)
    return {name for name, excess in over.items() if excess > 0}


def test_a_batch_stays_within_its_limits(desk: Desk, source: Source, mix: str) -> None:
    """Statements, rows, scans, WAL and requests to Kafka are no more than they were."""
    cost = least(desk, maker(source, mix))
    assert exceeded(cost, LIMITS[mix]) == set(), cost


def test_a_large_batch_asks_no_oftener_than_a_small_one(
    desk: Desk, source: Source, mix: str
) -> None:
    """Statements and requests are those of a batch, not of its commands."""
    one, limits = least(desk, maker(source, mix), 1), LIMITS[mix]
    assert one.round_trips == 2
    assert 4 <= one.statements <= limits.statements
    assert one.kafka_requests["EndTxn"] == 1
    assert one.inserted <= limits.rows


def test_a_command_takes_no_more_instructions(
    desk: Desk, source: Source, instructions: Instructions, mix: str
) -> None:
    """Python executes no more of our code for a command than it did."""
    took = instructions_of(desk, maker(source, mix), instructions)
    assert took <= LIMITS[mix].instructions * INSTRUCTIONS_MARGIN * OTHER_PYTHONS
    assert took >= LIMITS[mix].instructions / 2, "so fast now? Then lower the limit"


def test_a_command_takes_no_more_memory(memory: dict[str, float], mix: str) -> None:
    """A batch holds no more of Python's memory at once than it did."""
    assert memory[mix] <= LIMITS[mix].memory * MEMORY_MARGIN * OTHER_PYTHONS
    assert memory[mix] >= LIMITS[mix].memory / 2, "so little now? Then lower the limit"


def test_a_statement_more_is_told(
    desk: Desk, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a batch looks something up before it writes."""
    monkeypatch.setattr(sql, "WRITE", f"SELECT 1;{sql.WRITE}")
    cost = least(desk, maker(source, "sale"))
    assert exceeded(cost, LIMITS["sale"]) == {"statements"}


def test_an_index_more_is_told(desk: Desk, source: Source) -> None:
    """Planted: one more index on the journal, which each entry must then be put into."""
    with planted_index(desk.settings):
        cost = least(desk, maker(source, "sale"))
    assert "wal_records" in exceeded(cost, LIMITS["sale"]), cost


def test_smaller_requests_are_told(guarded: Settings, source: Source) -> None:
    """Planted: a producer that sends 20 messages at a time."""
    desk = Desk(guarded, partition=1, batch_num_messages=20)
    try:
        desk.batch(source.records("sale", COMMANDS))  # opens the session that is measured
        cost = least(desk, maker(source, "sale"))
    finally:
        desk.close()
    assert "Produce" in exceeded(cost, LIMITS["sale"]), cost


def test_work_done_twice_is_told(
    desk: Desk, source: Source, instructions: Instructions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: each record is decoded twice, which is a part of its work only."""

    def twice(*record: object) -> Decoded:
        decode(*record)  # type: ignore[arg-type]
        return decode(*record)  # type: ignore[arg-type]

    usual = instructions_of(desk, maker(source, "sale"), instructions)
    monkeypatch.setattr(asked, "decode", twice)
    took = instructions_of(desk, maker(source, "sale"), instructions)
    assert took > telling(usual, LIMITS["sale"].instructions, INSTRUCTIONS_MARGIN)


def test_what_is_kept_for_nothing_is_told(memory: dict[str, float]) -> None:
    """Planted: what was read of each record stays until its batch is done."""
    assert memory["planted"] > telling(memory["sale"], LIMITS["sale"].memory, MEMORY_MARGIN)


def telling(usual: float, limit: float, margin: float) -> float:
    """What is dearer than this is told: by the limit, or where that is rough, by what is usual."""
    return (limit if OTHER_PYTHONS == 1 else usual) * margin


def instructions_of(desk: Desk, make: Make, counter: Instructions) -> float:
    """Instructions of a command, to a thousandth the same in every batch that is tried once.

    The least of some: a batch that a busy database lets run into its lock timeout is decided again.
    """
    batches = [make(COMMANDS) for _ in range(BATCHES)]
    return min(counter.of(partial(desk.batch, records)) for records in batches) / COMMANDS


@contextmanager
def planted_index(settings: Settings) -> Iterator[None]:
    """An index on entries for as long as the block lasts."""
    execute(settings, "CREATE INDEX planted ON entries (transaction_id)")
    try:
        yield
    finally:
        execute(settings, "DROP INDEX planted")
