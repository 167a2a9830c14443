"""The simulated database against PostgreSQL: the same batches leave the same rows and answers.

A simulation is worth as much as its servers. The real journal, and what a claim reads, run on both.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from schemas.settings import Settings
from streams import progress, retelling
from streams.asked import Asked
from streams.journal import Held, Journal, connect
from streams.rows import Place
from tests.paper import PaperRecord
from wallet.torture.simulation import sessions
from wallet.torture.simulation.evidence import SimulatedSnapshot
from wallet.torture.simulation.schedule import silence
from wallet.torture.simulation.traffic import Sent, traffic
from wallet.torture.simulation.turns import Process, Threads
from wallet.torture.simulation.world import Parts, Plan, World

pytestmark = pytest.mark.integration

COMMANDS = 150
BATCH = 7
SEEDS = (1, 2, 3)

ROWS = {
    "wallets": "SELECT wallet_id, balance_minor, sequence, currency, status FROM wallets",
    "entries": "SELECT account_id, transaction_id, sequence, amount_minor, balance_minor, currency"
    " FROM entries",
    "commands": "SELECT command_key, replace(fingerprint::text, '-', ''), transaction_id,"
    ' partition, "offset", result, details FROM commands',
    "arrivals": "SELECT partition, wallet_id, sequence, event FROM arrivals",
    "refunds": "SELECT transaction_id, refund_id, amount_minor FROM refunds",
    "withdrawals": "SELECT withdrawal_id, wallet_id, amount_minor, currency, target, partition,"
    " status, reason FROM withdrawals",
    "credit_requests": "SELECT credit_request_id, wallet_id, amount_minor, currency, number,"
    " status, by, reason FROM credit_requests",
    "partitions": "SELECT partition, epoch, next_offset, next_event, floor_offset, batch_offset,"
    " batch_event, last_result_offset FROM partitions",
}


class OneTask(World):
    """A world without workers and faults, for one task."""

    def play(self, action: Callable[[], None]) -> None:
        """Run an action as its only task."""
        self.unsent.clear()
        self.turns.spawn(Process("only"), "only", action)
        self.turns.run()


def batches(settings: Settings, sent: list[Sent]) -> Iterator[tuple[Place, Held, Asked]]:
    """Records of both partitions by turns, in batches; each partition's offsets rise."""
    lanes: dict[int, list[PaperRecord]] = {0: [], 1: []}
    for one in sent:
        lane = lanes[one.partition]
        lane.append(PaperRecord(len(lane), one.timestamp, one.key, one.value))
    for first in range(0, COMMANDS, BATCH):
        for partition, lane in lanes.items():
            records = lane[first : first + BATCH]
            place = Place(settings.topics.commands.name, partition, settings.partitions)
            if records:
                yield place, Held(1, first, first + len(records)), Asked.of(records)


def work(settings: Settings, sent: list[Sent], reach: Callable[..., Any]) -> list[Any]:
    """Claim, write all batches, and read what a claim would tell again: all that is said."""
    said: list[Any] = []
    with closing(reach(settings, "claim")) as connection, connection.cursor() as cursor:
        for partition in (0, 1):
            place = Place(settings.topics.commands.name, partition, settings.partitions)
            said.append(progress.raise_epoch(cursor, place, "test"))
        for place, held, asked in batches(settings, sent):
            with closing(Journal(settings, place, reach)) as journal:
                written = journal.write(held, asked)
            assert written is not None
            decided = written.decided
            said.append((decided.results, decided.events, decided.dead, written.arrived))
            now = progress.read(cursor, place)
            said.append(now)
            said.append(retelling.stored_results(cursor, place, -1, now.next_offset))
            said.append(retelling.stored_events(cursor, place, now))
            said.append(retelling.stored_dead_letters(cursor, place, -1, now.next_offset))
    return said


@pytest.mark.parametrize("seed", SEEDS)
def test_both_databases_say_and_store_the_same(
    new_ledger: Callable[..., Settings], seed: int
) -> None:
    """Results, events, dead letters, progress; and every row of every table."""
    ledger = new_ledger(partitions=2, batch_max=BATCH, arrivals_max=3)
    plan = Plan.of(seed, COMMANDS)._replace(faults=0)
    sent = traffic(plan, 2)
    real = work(ledger, sent, connect)
    with silence(), Threads() as threads:
        world = OneTask(plan, threads, Parts())
        said: list[Any] = []
        process = Process("only")

        def reach(_settings: Settings, name: str) -> Any:  # noqa: ANN401 - stands for psycopg2's
            return sessions.connect(world.database, world.statements, process, name)

        world.play(lambda: said.extend(work(ledger, sent, reach)))
    assert len(said) == len(real) > 40
    for one, other in zip(said, real, strict=True):
        assert one == other
    with closing(connect(ledger, "test")) as connection, connection.cursor() as cursor:
        for table, statement in ROWS.items():
            cursor.execute(statement)
            stored = sorted(map(_texts, cursor.fetchall()))
            assert sorted(map(_texts, simulated(world, table))) == stored, table


def simulated(world: World, table: str) -> list[tuple[Any, ...]]:
    """The rows of a simulated table, in the columns of ROWS."""
    rows = world.database.tables[table]
    match table:
        case "wallets":
            return SimulatedSnapshot(world).all(ROWS[table])
        case "arrivals" | "refunds":
            return [(*key, value) for key, value in rows.items()]
        case "partitions":
            return [(key[1], *row[:6], row.last_result_offset) for key, row in rows.items()]
        case "withdrawals":
            return [(*r[:4], r.target, r.partition, r.status, r.reason) for r in rows.values()]
        case "credit_requests":
            return [tuple(row[:8]) for row in rows.values()]
        case _:
            return [tuple(row) for row in rows.values()]


def _texts(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, row))
