"""When the assignment changes, partitions that stayed ours do not wait for those that are new."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from psycopg2 import extensions

from schemas.settings import Settings
from streams.claim import OvertakenError
from streams.holding import Holding
from streams.outside import OUTSIDE
from tests.ledgers import Ledger
from tests.paper import PaperRecord
from tests.workers import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.integration]

NOW_MS = 1_795_082_400_000
PATIENCE = 30.0


class SlowClaim:
    """The claim of partition 1 waits until it may go on."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_go_on = threading.Event()

    def connect(self, settings: Settings, name: str) -> extensions.connection:
        """A session; that claim's only when it may."""
        if name == "claim-1":
            self.asked.set()
            assert self.may_go_on.wait(PATIENCE)
        return OUTSIDE.connect(settings, name)


async def test_what_stayed_ours_goes_on_while_the_rest_is_claimed(
    new_ledger: Callable[..., Settings],
) -> None:
    """A command of the one partition is done while the claim of the other is under way."""
    ledger, slow = Ledger(new_ledger(partitions=2), seed=62), SlowClaim()
    holding = Holding(ledger.settings, "test", OUTSIDE._replace(connect=slow.connect))
    sought: list[dict[int, int]] = []

    async def go_to(offsets: dict[int, int]) -> None:
        sought.append(offsets)

    def is_done() -> bool:
        return any(lane.next_offset == 1 for lane in holding.lanes)

    assert await holding.take_over([0], lambda: True, go_to) == {0: 0}
    taking = asyncio.create_task(holding.take_over([0, 1], lambda: True, go_to))
    assert await asyncio.to_thread(slow.asked.wait, PATIENCE)
    said = ledger.command("wallet.create", ledger.wallet_on(0))
    ledger.send(said)
    holding.offer(holding.round, 0, [PaperRecord(0, NOW_MS, said.key, said.value)])
    await asyncio.to_thread(wait_until, is_done, PATIENCE, "the command")
    assert not taking.done()
    assert (holding.has_room(0), holding.has_room(1)) == (True, False)
    assert sought == [{}, {0: 0}, {0: 0}]
    slow.may_go_on.set()
    assert await asyncio.wait_for(taking, PATIENCE) == {0: 1, 1: 0}
    assert sought[3:] == [{1: 0}]
    for lane in holding.lanes:
        lane.end()
    assert [result["src"] for result in ledger.results()] == [(0, 0)]


async def test_what_stayed_ours_goes_on_although_we_leave(
    new_ledger: Callable[..., Settings],
) -> None:
    """Until others have claimed what we keep, nobody else serves it."""
    ledger = Ledger(new_ledger(partitions=2), seed=63)
    holding = Holding(ledger.settings, "test")
    await holding.take_over([0], lambda: True)
    holding.let_go()
    with pytest.raises(OvertakenError):
        await holding.take_over([0, 1], lambda: True)
    (lane,) = holding.lanes
    said = ledger.command("wallet.create", ledger.wallet_on(0))
    ledger.send(said)
    holding.offer(holding.round, 0, [PaperRecord(0, NOW_MS, said.key, said.value)])
    await asyncio.to_thread(wait_until, lambda: lane.next_offset == 1, PATIENCE, "the command")
    lane.end()
    assert [result["src"] for result in ledger.results()] == [(0, 0)]
