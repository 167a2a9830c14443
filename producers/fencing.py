"""Shutting out whoever has initialised a transactional id, without half a second's wait.

What the last owner has left open is aborted first, and Kafka answers that a transaction is still
under way until the markers are written: some 5 ms. librdkafka (2.16) then asks again after 500 ms,
whatever it is set to, so every claim from an owner at work took as long. Here it is asked again at
once; librdkafka's own initialisation, which must follow, then finds nothing open.
"""

import asyncio
from contextlib import suppress
from typing import Final

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NoError,
    NotCoordinatorError,
    for_code,
)
from aiokafka.protocol.transaction import InitProducerIdRequest

from producers.credentials import of_aiokafka
from schemas.settings import Settings

PAUSE_SECONDS: Final = 0.005

PASSING: Final = (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)


class Fence:
    """Made ahead, so that nothing but the one request is left when it counts; to be closed.

    It has an event loop of its own, which stands still between the calls. Making it and
    `shut_out` raise aiokafka's KafkaError, and TimeoutError when it takes longer than the limit.
    """

    def __init__(
        self,
        settings: Settings,
        transactional_id: str,
        transaction_timeout_ms: int,
        limit_seconds: float,
    ) -> None:
        self._id = transactional_id
        self._request = InitProducerIdRequest(transactional_id, transaction_timeout_ms)
        self._limit = limit_seconds
        self._client: AIOKafkaClient | None = None
        self._node: int | None = None
        self._runner = asyncio.Runner()
        try:
            self._runner.run(self._connect(settings))
        except BaseException:
            self.close()
            raise

    def shut_out(self) -> None:
        """Abort what is open under this id, and let nobody go on who has initialised it."""
        self._runner.run(self._ask())

    def close(self) -> None:
        """Leave the brokers; they forget nothing of what was asked."""
        with self._runner:
            if self._client is not None:
                self._runner.run(self._client.close())

    async def _connect(self, settings: Settings) -> None:
        self._client = AIOKafkaClient(
            bootstrap_servers=settings.kafka_bootstrap, **of_aiokafka(settings)
        )
        async with asyncio.timeout(self._limit):
            await self._client.bootstrap()
            with suppress(*PASSING):  # looked for again when it counts
                await self._find(self._client)

    async def _ask(self) -> None:
        assert self._client is not None, "it was connected"
        async with asyncio.timeout(self._limit):
            while not await self._is_shut_out(self._client):  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_SECONDS)  # the broker tells nobody when it is done

    async def _is_shut_out(self, client: AIOKafkaClient) -> bool:
        try:
            node = self._node if self._node is not None else await self._find(client)
            error = for_code((await client.send(node, self._request)).error_code)
            if error is not NoError:
                raise error(self._id)
        except ConcurrentTransactions:
            return False
        except PASSING:
            self._node = None
            return False
        return True

    async def _find(self, client: AIOKafkaClient) -> int:
        """Look for the node that keeps the id's transactions, and connect to it."""
        node: int = await client.coordinator_lookup(CoordinationType.TRANSACTION, self._id)
        await client.ready(node)
        self._node = node
        return node
