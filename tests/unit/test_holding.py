"""Claims of a round that is over: nobody claims beside them, in this process or in another."""

import asyncio
import threading
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any, cast

import psycopg2
import pytest

from schemas.settings import Settings
from streams.backlog import QUEUE_BYTES
from streams.claim import OvertakenError
from streams.holding import Holding
from streams.outside import OUTSIDE

PATIENCE = 30.0


class Session:
    """In which nothing is asked, since no lane is at rest."""

    def cursor(self) -> AbstractContextManager[None]:
        """Nobody uses it."""
        return nullcontext()

    def close(self) -> None:
        """Nothing is open."""


class SlowDatabase:
    """A server that answers claims when it is told to, and then refuses them."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.claims = 0

    def connect(self, _settings: Settings, name: str) -> Session:
        """A session; the one of a claim is refused when it is time."""
        if not name.startswith("claim-"):
            return Session()
        self.claims += 1
        self.asked.set()
        assert self.may_answer.wait(PATIENCE)
        raise psycopg2.OperationalError("not today")


@pytest.fixture
def database() -> SlowDatabase:
    """One that has not been asked yet."""
    return SlowDatabase()


@pytest.fixture
def holding(database: SlowDatabase) -> Holding:
    """A worker's partitions on that database."""
    outside = OUTSIDE._replace(connect=cast("Any", database.connect), crash=lambda *_: None)
    return Holding(Settings(), "test", outside)


async def claiming(holding: Holding, database: SlowDatabase) -> asyncio.Task[dict[int, int]]:
    """A claim that waits for the database."""
    task = asyncio.create_task(holding.take_over([0], lambda: True))
    assert await asyncio.to_thread(database.asked.wait, PATIENCE)
    return task


async def a_while() -> None:
    """Let everything go on that can."""
    await asyncio.sleep(0.05)  # that nothing happens has no event


@pytest.mark.parametrize("cancels", [1, 2])
async def test_a_claim_that_is_cancelled_keeps_the_next_one_waiting(
    holding: Holding, database: SlowDatabase, cancels: int
) -> None:
    """Faust cancels it when partitions change; its threads go on to their end all the same."""
    first = await claiming(holding, database)
    for _ in range(cancels):
        first.cancel()
        await a_while()
    second = asyncio.create_task(holding.take_over([0], lambda: True))
    await a_while()
    assert not first.done()
    assert database.claims == 1, "the second has begun beside the first"
    database.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(psycopg2.OperationalError):
        await second
    assert database.claims == 2


async def test_partitions_are_given_up_when_their_claims_have_ended(
    holding: Holding, database: SlowDatabase
) -> None:
    """Before that the group must not give them to others."""
    claim = await claiming(holding, database)
    giving_up = asyncio.create_task(holding.give_up())
    await a_while()
    assert not giving_up.done()
    database.may_answer.set()
    await asyncio.wait_for(giving_up, PATIENCE)
    with pytest.raises(OvertakenError):
        await claim


async def test_who_leaves_claims_nothing_any_more(holding: Holding, database: SlowDatabase) -> None:
    """A lane made after that would take it for an alarm that others claim its partition."""
    claim = await claiming(holding, database)
    holding.let_go()
    database.may_answer.set()
    with pytest.raises(OvertakenError):
        await claim
    with pytest.raises(OvertakenError):
        await holding.take_over([0], lambda: True)
    assert database.claims == 1


async def test_a_partition_has_room_for_its_share_of_the_bytes(holding: Holding) -> None:
    """However many partitions a worker holds, what waits is bounded for all together."""
    lanes = {n: SimpleNamespace(queued=1, queued_bytes=QUEUE_BYTES // 100) for n in range(100)}
    lanes[7].queued_bytes -= 1
    holding._lanes = cast("Any", lanes)  # noqa: SLF001 - lanes need a database
    assert [n for n in range(101) if holding.has_room(n)] == [7]
