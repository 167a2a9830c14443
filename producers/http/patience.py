"""Connections on which nobody asks anything: cut off, so that nobody can hold them all.

aiohttp waits for the first request of a connection for ever, however slowly its headers come.
"""

import asyncio
import time
from weakref import WeakKeyDictionary, WeakSet

from aiohttp import web


class Patience:
    """Cuts off connections that have made no whole request within `seconds`; made in the loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._have_asked: WeakSet[asyncio.BaseTransport] = WeakSet()
        self._since: WeakKeyDictionary[asyncio.BaseTransport, float] = WeakKeyDictionary()
        self._task: asyncio.Task[None] | None = None

    def note(self, request: web.BaseRequest) -> None:
        """A connection has made a request: it may stay."""
        if request.transport is not None:
            self._have_asked.add(request.transport)

    def watch(self, server: web.Server) -> None:
        """Look after the connections of a server from now on."""
        self._task = asyncio.create_task(self._look_on(server), name="patience")

    def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()

    async def _look_on(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(self._seconds / 4)  # that time passes is all that is waited for
            self._look(server)

    def _look(self, server: web.Server) -> None:
        now = time.monotonic()
        for connection in server.connections:
            transport = connection.transport
            if transport is None or transport in self._have_asked:
                continue
            if now - self._since.setdefault(transport, now) >= self._seconds:
                transport.abort()
