"""Ending what Kafka has left hanging: a transaction of nothing, which takes part in it and ends.

How transactions come to hang is told in streams.hanging. librdkafka takes part of a partition only
with a record to write, so this is aiokafka.
"""

import asyncio
from collections.abc import Collection

from aiokafka import AIOKafkaProducer, TopicPartition

from producers.credentials import of_aiokafka
from schemas.settings import Settings


def end(
    settings: Settings,
    transactional_id: str,
    partitions: Collection[tuple[str, int]],
    *,
    commits: bool,
    group: str | None = None,
) -> None:
    """Commit or abort what the owner of an id has left open on partitions, and in a group.

    Shuts out whoever has initialised the id. Raises aiokafka's KafkaError, TimeoutError.
    """
    parts = [TopicPartition(topic, partition) for topic, partition in partitions]
    asyncio.run(_end(settings, transactional_id, parts, group, commits=commits))


async def _end(
    settings: Settings,
    transactional_id: str,
    parts: Collection[TopicPartition],
    group: str | None,
    *,
    commits: bool,
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap,
        transactional_id=transactional_id,
        **of_aiokafka(settings),
    )
    async with asyncio.timeout(settings.kafka_timeout):
        await producer.start()
        try:
            await producer.begin_transaction()
            for part in parts:
                producer._txn_manager.maybe_add_partition_to_txn(part)  # noqa: SLF001 - no public way without a record
            while group is not None and not await _take_part(producer, group):
                pass  # it has waited before it said so
            await (producer.commit_transaction() if commits else producer.abort_transaction())
        finally:
            await producer.stop()


async def _take_part(producer: AIOKafkaProducer, group: str) -> bool:
    """Take part in a group's offsets; False where the broker is to be asked again."""
    return bool(await producer._sender._do_add_offsets_to_txn(group))  # noqa: SLF001 - no public way without an offset
