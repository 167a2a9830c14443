"""Who follows which wallet, with a Kafka that is silent until a test lets it speak."""

import asyncio
import threading
from typing import Any, cast

import pytest

from producers.http.live import ear
from producers.http.live.hub import Hub
from schemas.settings import Settings

FIRST = "01930f6e-0000-7000-8000-000000000001"
SECOND = "01930f6e-0000-7000-8000-000000000002"
PATIENCE = 30.0


class Kafka:
    """A consumer that hears nothing, and learns where partitions end once Kafka `is_back`."""

    def __init__(self) -> None:
        self.is_back = threading.Event()
        self.is_asked = threading.Event()
        self.asked = 0

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        """An empty partition."""
        self.asked += 1
        self.is_asked.set()
        assert self.is_back.wait(PATIENCE)
        return 0, 0

    def poll(self, _: float) -> None:
        """Nothing came."""

    def incremental_assign(self, _: object) -> None:
        """As Consumer's."""

    def incremental_unassign(self, _: object) -> None:
        """As Consumer's."""

    def close(self) -> None:
        """As Consumer's."""


async def test_followers_that_gave_up_cost_those_after_them_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One in the midst of its turn, one before it: the ear hears on as soon as Kafka is back."""
    kafka = Kafka()
    monkeypatch.setattr(ear, "Consumer", lambda _: kafka)
    mine = Hub(Settings.model_validate({}), cast("Any", None))
    first = asyncio.create_task(mine.follow(FIRST, 0))
    await asyncio.to_thread(kafka.is_asked.wait, PATIENCE)
    second = asyncio.create_task(mine.follow(SECOND, 0))
    await asyncio.sleep(0)  # lets it ask
    for each in (second, first):
        each.cancel()
        with pytest.raises(asyncio.CancelledError):
            await each
    assert mine.count == 0
    kafka.is_back.set()
    follower = await mine.follow(SECOND, 0)
    assert mine.count == 1
    assert kafka.asked == 4, "two topics for the first and the last; nothing for who had gone"
    mine.leave(follower)
    await mine.close()
