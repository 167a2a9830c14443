"""One who follows one wallet: its changes in order, each once, with none left out."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from enum import Enum, auto
from typing import Final

from producers.http.errors import EarlyError
from producers.http.live import reading_changes
from producers.http.live.changes import Told
from producers.http.reading import Reading

QUEUED: Final = 1000
"""Most that waits for one who follows, some 600 bytes each."""

BEAT_SECONDS: Final = 15.0
"""After so long a silence a sign of life; and a look into the database, should Kafka be silent."""


class Sign(Enum):
    """What is told beside what happens to a wallet."""

    BEAT = auto()
    """Still there, nothing new."""
    SLOW = auto()
    """The end: more came than was taken."""
    STOP = auto()
    """The end: the gateway stops."""


class Follower:
    """Where one stands in a wallet's changes, and what waits to be told."""

    def __init__(
        self,
        wallet_id: str,
        after: int,
        reading: Reading,
        is_gone: Callable[[], bool] = lambda: False,
        *,
        sees_all: bool = False,
    ) -> None:
        self.wallet_id = wallet_id
        self.is_gone = is_gone
        self.sequence = after
        """The last change that was told."""
        self._reading = reading
        self._sees_all = sees_all
        self._queue: deque[Told] = deque()
        self._woken = asyncio.Event()
        self._has_missed = False
        self._is_ended = False

    def offer(self, told: Told) -> None:
        """Take what was heard; where there is no room, nothing of it is kept."""
        if len(self._queue) >= QUEUED:
            self._queue.clear()
            self._has_missed = True
        self._queue.append(told if self._sees_all else told.to_owner)
        self._woken.set()

    def end(self) -> None:
        """Tell no more."""
        self._is_ended = True
        self._woken.set()

    async def told(self) -> AsyncIterator[Told | Sign]:
        """What is to be told: first what stands in the database, then what happens.

        Ends after Sign.SLOW or Sign.STOP.
        """
        async for each in self._stored():
            yield each
        # What did not fit in meanwhile was read, or is read at the gap that it has left.
        self._has_missed = False
        while (sign := self._end()) is None:
            if self._queue:
                found = self._next(self._queue.popleft())
            elif await self._is_woken():
                continue
            else:
                found = self._stored()
                yield Sign.BEAT
            async for each in found:
                yield each
        yield sign

    def _end(self) -> Sign | None:
        """Why nothing more is told; None as long as it is."""
        if self._is_ended:
            return Sign.STOP
        return Sign.SLOW if self._has_missed else None

    async def _next(self, told: Told) -> AsyncIterator[Told]:
        """What was heard, and before it what was not; nothing where it is known already."""
        if told.sequence is None:
            yield told
            return
        if told.sequence > self.sequence + 1:
            async for each in self._stored():
                yield each
        if told.sequence == self.sequence + 1:
            self.sequence = told.sequence
            yield told

    async def _stored(self) -> AsyncIterator[Told]:
        """What stands in the database; a database that is away has its say at the next look."""
        while not self._is_ended:
            try:
                found = await self._reading.read(
                    reading_changes.changes, self.wallet_id, self.sequence
                )
            except EarlyError:
                return
            for each in found:
                assert each.sequence == self.sequence + 1, "a wallet's journal has no gaps"
                self.sequence = each.sequence
                yield each
            if len(found) < reading_changes.PAGE:
                return

    async def _is_woken(self) -> bool:
        """Wait for something to tell; False after a silence."""
        self._woken.clear()
        if self._queue or self._is_ended:
            return True
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True
