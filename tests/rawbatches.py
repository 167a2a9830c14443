"""Records as no well-kept client writes them: a batch of bytes straight to the broker."""

import asyncio
from collections.abc import Sequence

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from schemas.settings import Settings
from tests.ledgers import Said

SECONDS = 20


class RawName(str):
    """A header name of any bytes; its text is their backslash notation."""

    __slots__ = ("raw",)
    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> "RawName":
        """The name that these bytes make."""
        name = cls(raw.decode(errors="backslashreplace"))
        name.raw = raw
        return name

    def encode(self, *_: object) -> bytes:
        """The bytes."""
        return self.raw


def batch_of(records: Sequence[Said], compression: int = 0) -> bytes:
    """A record batch of Kafka's format 2; compression as in its attributes (0 none, 1 gzip)."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 2**24)
    for number, said in enumerate(records):
        builder.append(
            number, timestamp=1, key=said.key, value=said.value, headers=list(said.headers)
        )
    return bytes(builder.build())


def produce(settings: Settings, partition: int, batch: bytes) -> int:
    """Append a batch to a partition of the commands topic; the offset of its first record."""
    return asyncio.run(_produce(settings, partition, batch))


async def _produce(settings: Settings, partition: int, batch: bytes) -> int:
    client = AIOKafkaClient(bootstrap_servers=settings.kafka_bootstrap)
    await asyncio.wait_for(client.bootstrap(), SECONDS)
    try:
        topic = settings.topics.commands.name
        await client.set_topics([topic])
        request = ProduceRequest(
            transactional_id=None,
            required_acks=-1,
            timeout=SECONDS * 1000,
            topics=[(topic, [(partition, batch)])],
        )
        leader = client.cluster.leader_for_partition(_place(topic, partition))
        response = await asyncio.wait_for(client.send(leader, request), SECONDS)
        _, answers = response.topics[0]
        assert answers[0][1] == 0, f"refused with Kafka's error {answers[0][1]}"
        return int(answers[0][2])
    finally:
        await client.close()


def _place(topic: str, partition: int) -> object:
    from aiokafka import TopicPartition  # noqa: PLC0415 - beside confluent's of the same name

    return TopicPartition(topic, partition)
