"""Shutting out whoever has initialised a transactional id, without half a second's wait.

What the last owner has left open is aborted first, and Kafka answers that a transaction is still
under way until the markers are written: some 5 ms. librdkafka (2.16) then asks again after 500 ms,
whatever it is set to, so every claim from an owner at work took as long. Here it is asked again at
once; librdkafka's own initialisation, which must follow, then finds nothing open.
"""

import asyncio
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


def shut_out(
    settings: Settings, transactional_id: str, transaction_timeout_ms: int, limit_seconds: float
) -> None:
    """Abort what is open under this id, and let nobody go on who has initialised it.

    Raises aiokafka's KafkaError, and TimeoutError when that is not done within the limit.
    """
    request = InitProducerIdRequest(transactional_id, transaction_timeout_ms)
    asyncio.run(_ask(settings, transactional_id, request, limit_seconds))


async def _ask(
    settings: Settings, transactional_id: str, request: InitProducerIdRequest, limit_seconds: float
) -> None:
    client = AIOKafkaClient(bootstrap_servers=settings.kafka_bootstrap, **of_aiokafka(settings))
    async with asyncio.timeout(limit_seconds):
        try:
            await client.bootstrap()
            while not await _is_shut_out(client, transactional_id, request):  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_SECONDS)  # the broker tells nobody when it is done
        finally:
            await client.close()


async def _is_shut_out(
    client: AIOKafkaClient, transactional_id: str, request: InitProducerIdRequest
) -> bool:
    try:
        node = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
        error = for_code((await client.send(node, request)).error_code)
        if error is not NoError:
            raise error(transactional_id)
    except PASSING:
        return False
    return True
