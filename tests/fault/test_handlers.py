"""Handlers that a good day never calls, each forced on real servers.

Those of a batch (deadlock, unique violation, timeouts) are in tests/integration/test_journal.py,
the frozen owner's end in tests/fault/test_zombie.py, a lasting gap in
tests/integration/test_worker.py.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
import pytest

from schemas.settings import Settings
from streams.holding import Holding
from streams.outside import OUTSIDE
from tests.ledgers import Ledger
from tests.paper import PaperRecord
from tests.workers import rows, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.integration]

NOW_MS = 1_795_082_400_000
PATIENCE = 30.0


@pytest.fixture
def ledger(new_ledger: Callable[..., Settings]) -> Ledger:
    """A ledger of one partition, and hardly any patience with batches that do not end."""
    return Ledger(new_ledger(partitions=1, drain_timeout=0.2), seed=61)


class Deaths:
    """What would have ended the process."""

    def __init__(self) -> None:
        self.whys: list[str] = []
        self.told = threading.Event()

    def crash(self, why: str, error: BaseException) -> None:
        """Note it instead."""
        self.whys.append(f"{why}: {type(error).__name__}")
        self.told.set()


@contextmanager
def locked(settings: Settings, wallet: str) -> Iterator[None]:
    """Somebody else holds a wallet."""
    connection = psycopg2.connect(settings.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM wallets WHERE wallet_id = %s FOR UPDATE", (wallet,))
            assert cursor.rowcount == 1
        yield
    finally:
        connection.close()


def record(ledger: Ledger, offset: int, kind: str, wallet: str, **data: str) -> PaperRecord:
    """A command that is also in the log, for the audit."""
    said = ledger.command(kind, wallet, **data)
    assert ledger.send(said) == [(0, offset)]
    return PaperRecord(offset, NOW_MS, said.key, said.value)


def waits(ledger: Ledger) -> bool:
    """Whether a batch waits for the lock."""
    statement = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE %s AND wait_event_type = 'Lock'"
    )
    with rows(ledger.settings, statement, "%lane%") as found:
        return bool(found)


def next_offset(ledger: Ledger) -> int:
    """How far the partition has come."""
    with rows(ledger.settings, "SELECT next_offset FROM partitions") as found:
        return int(found[0][0])


async def test_a_batch_that_outlives_the_drain_goes_on_where_nobody_else_has_claimed(
    ledger: Ledger,
) -> None:
    """give_up returns at the limit; the batch ends, and the lane that comes back has its place."""
    deaths, wallet = Deaths(), ledger.wallet_on(0)
    holding = Holding(ledger.settings, "test", OUTSIDE._replace(crash=deaths.crash))
    assert await holding.take_over([0], lambda: True) == {0: 0}
    holding.offer(holding.round, 0, [record(ledger, 0, "wallet.create", wallet)])
    wait_until(lambda: next_offset(ledger) == 1, PATIENCE, "the wallet")
    with locked(ledger.settings, wallet):
        holding.offer(holding.round, 0, [record(ledger, 1, "deposit", wallet, amount="1.00")])
        (lane,) = holding.lanes
        wait_until(lambda: waits(ledger), PATIENCE, "a batch that waits")
        await holding.give_up()
        assert not lane.idle
    wait_until(lambda: lane.idle, PATIENCE, "the end of the batch")
    assert await holding.take_over([0], lambda: True) == {0: 2}
    assert holding.lanes == [lane]
    assert deaths.whys == []
    lane.end()
    assert [result["status"] for result in ledger.results()] == ["completed", "completed"]


async def test_a_batch_that_outlives_the_drain_is_shut_out_by_the_next_claim(
    ledger: Ledger,
) -> None:
    """The claim ends its session after two seconds; its lane would end the process."""
    deaths, wallet = Deaths(), ledger.wallet_on(0)
    holding = Holding(ledger.settings, "test", OUTSIDE._replace(crash=deaths.crash))
    await holding.take_over([0], lambda: True)
    holding.offer(holding.round, 0, [record(ledger, 0, "wallet.create", wallet)])
    wait_until(lambda: next_offset(ledger) == 1, PATIENCE, "the wallet")
    late = record(ledger, 1, "deposit", wallet, amount="1.00")
    with locked(ledger.settings, wallet):
        holding.offer(holding.round, 0, [late])
        (lane,) = holding.lanes
        wait_until(lambda: waits(ledger), PATIENCE, "a batch that waits")
        assert await holding.take_over([0], lambda: True) == {0: 1}
    assert deaths.told.wait(PATIENCE)
    assert [why.split(":")[0] for why in deaths.whys] == ["a batch failed"]
    (again,) = holding.lanes
    assert again is not lane
    holding.offer(holding.round, 0, [late])
    wait_until(lambda: next_offset(ledger) == 2 and again.idle, PATIENCE, "the deposit")
    again.end()
    assert [result["src"] for result in ledger.results()] == [(0, 0), (0, 1)]


async def test_what_comes_before_a_gap_is_done(ledger: Ledger) -> None:
    """A run with a hole in it: the lane takes the records before it, and asks for what is missing.

    That it is never found ends the worker: tests/integration/test_worker.py.
    """
    deaths, wallet = Deaths(), ledger.wallet_on(0)
    holding = Holding(ledger.settings, "test", OUTSIDE._replace(crash=deaths.crash))
    await holding.take_over([0], lambda: True)
    first = record(ledger, 0, "wallet.create", wallet)
    missing = record(ledger, 1, "deposit", wallet, amount="1.00")
    last = record(ledger, 2, "deposit", wallet, amount="2.00")
    assert holding.offer(holding.round, 0, [first, last]) == 1
    wait_until(lambda: next_offset(ledger) == 1, PATIENCE, "what comes before")
    assert holding.offer(holding.round, 0, [last]) == 1
    assert holding.offer(holding.round, 0, [first, missing, last]) is None
    wait_until(lambda: next_offset(ledger) == 3, PATIENCE, "all of it")
    (lane,) = holding.lanes
    wait_until(lambda: lane.idle, PATIENCE, "the end of the batch")
    lane.end()
    assert [result["src"] for result in ledger.results()] == [(0, 0), (0, 1), (0, 2)]
    assert deaths.whys == []
