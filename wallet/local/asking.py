"""Waiting for another process that will not tell us: ask it until it says yes."""

import asyncio
from collections.abc import Callable
from typing import Final

PAUSE_SECONDS: Final = 0.03


async def until_yes(ask: Callable[[], bool], limit_seconds: float) -> None:
    """Ask in a thread, again and again; `ask` itself takes a second or two at most.

    Raises:
        TimeoutError: it did not say yes within the time.

    """
    async with asyncio.timeout(limit_seconds):
        while not await asyncio.to_thread(ask):  # noqa: ASYNC110
            # No event crosses from one process to another.
            await asyncio.sleep(PAUSE_SECONDS)
