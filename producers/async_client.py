"""The client of the ledger for asyncio.

    async with AsyncClient(Settings.load()) as client:
        result = await client.submit("deposit.v1", {"wallet_id": ..., "amount": "50.00"})

Many may be awaited at once; past `in_flight` of them the next waits for room. The threads of the
client beneath do the work of the network; the loop is never blocked.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self, Unpack

from producers.client import TIMEOUT, Client, FindResult
from producers.failure import ClientClosed
from producers.message import SOURCE, Attributes, Message, message_of
from producers.pipeline import IN_FLIGHT
from schemas.commands import CommandData
from schemas.results import AnyResult
from schemas.settings import Settings


class AsyncClient:
    """Sends commands and awaits their results, in one event loop.

    Connects when it is entered (raises ClientError); the arguments are those of `Client`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        find_result: FindResult | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._settings = settings
        self._find_result = find_result
        self._in_flight = in_flight
        self._room = asyncio.Semaphore(in_flight)
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        # Twice the room: who is cancelled here makes room here at once, there when it is settled.
        client = await asyncio.to_thread(
            Client, self._settings, find_result=self._find_result, in_flight=2 * self._in_flight
        )
        try:
            await asyncio.to_thread(client.hear_all)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(client.close, 0))
            raise
        self._client = client
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close(0 if error else TIMEOUT)

    async def close(self, timeout: float = TIMEOUT) -> None:  # noqa: ASYNC109 - as Client has it
        """Take no more, wait for open results, at most so long; then end."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.shield(asyncio.to_thread(client.close, timeout))

    async def submit(
        self,
        command: str | CommandData,
        data: Mapping[str, object] | None = None,
        *,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - of the result, not of this call alone
        **attributes: Unpack[Attributes],
    ) -> AnyResult:
        """Send a command and give its result; for a repeated one the first answer.

        Raises ClientError when Kafka does not take it, ResultTimeout when there is no result in
        time, ValueError for an empty id. Whoever is cancelled while it waits does not know: the
        command may still be done.
        """
        return await self.submit_message(
            message_of(command, data, source=source, command_id=id, attributes=attributes),
            timeout,
        )

    async def submit_message(
        self,
        message: Message,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - as above
    ) -> AnyResult:
        """As `submit`, for a ready record."""
        async with self._room:
            if self._client is None:
                raise ClientClosed("the client is not open: use `async with`")
            future = self._client.promise_message(message, timeout, wait=0)
            return await asyncio.wrap_future(future)

    @property
    def partitions(self) -> int:
        """The number of partitions of the commands topic."""
        if self._client is None:
            raise ClientClosed("the client is not open: use `async with`")
        return self._client.partitions
