"""Reads of one kind that are asked for at once go to the database as one statement.

A read that comes while a statement is under way waits for the next one: what it finds is never
older than its request, so whoever has written sees what was written.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection

from producers.http.reading import Reading

MOST: Final = 500
"""Keys in one statement."""

Found = TypeVar("Found")


class Together(Generic[Found]):
    """Reads by a text, such as a wallet's id; what `query` leaves out is not there."""

    def __init__(
        self,
        reading: Reading,
        query: Callable[[Connection, Sequence[str]], Mapping[str, Found]],
    ) -> None:
        self._reading = reading
        self._query = query
        self._waiting: list[tuple[str, asyncio.Future[Found | None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, key: str) -> Found | None:
        """What there is; None where there is nothing. Raises EarlyError 503."""
        future: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._answer([each for each in batch if not each[1].done()])
        finally:
            self._task = None

    async def _answer(self, batch: list[tuple[str, asyncio.Future[Found | None]]]) -> None:
        try:
            found = await self._reading.read(self._query, list({key for key, _ in batch}))
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for key, future in batch:
            if not future.done():
                future.set_result(found.get(key))
