"""The transport notes no gaps between runs: Faust would keep and merge them for ever."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.transport import BUSY_SECONDS, LedgerConsumer


def test_a_run_leaves_no_gap() -> None:
    """What Faust takes for missing between two runs is not remembered."""
    gaps: dict[TP, SimpleNamespace] = defaultdict(SimpleNamespace)
    place = TP("wallet.commands.v1", 0)
    consumer = SimpleNamespace(_gap=gaps, _committed_offset={place: None})
    asyncio.run(vars(LedgerConsumer)["_add_gap"](consumer, place, 1, 9))
    assert not gaps


@pytest.mark.parametrize(("is_idle", "pauses"), [(True, 0), (False, 1)])
def test_fetches_keep_a_distance_while_a_lane_works(
    *, is_idle: bool, pauses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two fetches waits only while there is work already."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("streams.transport.asyncio.sleep", sleep)
    monkeypatch.setattr("streams.transport.time", SimpleNamespace(monotonic=lambda: 1000.0))
    holding = SimpleNamespace(lanes=[SimpleNamespace(idle=True), SimpleNamespace(idle=is_idle)])
    consumer = SimpleNamespace(holding=holding, _fetched_at=0.0)

    async def fetch_twice() -> None:
        for _ in range(2):
            await vars(LedgerConsumer)["_pace"](consumer)

    asyncio.run(fetch_twice())
    assert slept == [pytest.approx(BUSY_SECONDS)] * pauses
