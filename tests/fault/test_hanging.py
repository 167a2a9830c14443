"""Transactions that Kafka has called complete without their markers: a claim ends them.

That happens to a broker that is killed or stopped at the wrong moment; here it is made to happen:
a producer writes records of a transaction that its coordinator has never heard of.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import confluent_kafka
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from consumers.balances.publisher import Publisher
from schemas.settings import Settings
from streams import ends
from streams.claim import InconsistentError, claim
from streams.hanging import hanging, transactional_id
from streams.rendering import Message
from streams.rows import Place
from tests.hands import Hand, Say
from tests.ledgers import Ledger
from tests.topics import alter
from tests.workers import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.integration]

GUARD = "transaction.partition.verification.enable"
"""With it a broker asks the coordinator before it takes a transaction's first record (KIP-890)."""


class Said(NamedTuple):
    """How many results, events and steps of a batch hang; the rest was never written."""

    results: int
    events: int
    steps: int


@pytest.fixture(scope="module")
def ledger(new_ledger: Callable[..., Settings]) -> Iterator[Ledger]:
    """A ledger whose broker believes producers; each test has a partition of its own."""
    made = Ledger(new_ledger(partitions=8), seed=33)
    _set_guard(made.settings, "false")
    yield made
    _set_guard(made.settings, "true")


def _set_guard(settings: Settings, value: str) -> None:
    alter(settings, "1", {GUARD: value}, ResourceType.BROKER)
    admin = AdminClient(settings.kafka_client())

    def broker_has_it() -> bool:  # it hears of it a moment later than the controller
        (told,) = admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]).values()
        return bool(told.result(20)[GUARD].value == value)

    wait_until(broker_has_it, 20, "the broker's setting")


def leaver(settings: Settings, place: Place, part: Said) -> Say:
    """Publishes a part of a batch, in a transaction that it leaves as Kafka has been seen to."""

    def say(
        results: Sequence[Message],
        events: Sequence[Message],
        steps: Sequence[Message],
        dead: Sequence[Message],
    ) -> None:
        assert not dead
        for messages, some in zip((results, events, steps), part, strict=True):
            assert len(messages) >= some
        topics = settings.topics
        said = {
            topics.results.name: results[: part.results],
            topics.events.name: events[: part.events],
            topics.scheduled.name: steps[: part.steps],
        }
        write_hanging(settings, place, transactional_id(settings, place), said)

    return say


@asynccontextmanager
async def leaving(settings: Settings, name: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer within a transaction, which it neither commits nor aborts."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, transactional_id=name)
    await producer.start()
    await producer.begin_transaction()
    yield producer
    producer._sender._sender_task.cancel()  # noqa: SLF001 - its stop() would wait for the end
    await producer.client.close()
    producer._closed = True  # noqa: SLF001 - nothing is left to warn of


def write_hanging(
    settings: Settings, place: Place, name: str, said: Mapping[str, Sequence[Message]]
) -> None:
    """Write messages by topic, in a transaction of which its coordinator is not told."""

    async def write() -> None:
        async with leaving(settings, name) as producer:
            await said_by(producer)

    async def said_by(producer: AIOKafkaProducer) -> None:
        for topic, messages in said.items():
            part = TopicPartition(topic, place.partition)
            producer._txn_manager._txn_partitions.add(part)  # noqa: SLF001 - as if it had been told
            for each in messages:
                headers = [(key, _bytes(value)) for key, value in each.headers]
                await producer.send_and_wait(
                    topic, each.value, each.key, place.partition, headers=headers
                )

    asyncio.run(write())


def commit_hanging(
    settings: Settings, name: str, group: str, offsets: dict[TopicPartition, int]
) -> None:
    """Commit a group's offsets in such a transaction."""

    async def write() -> None:
        async with leaving(settings, name) as producer:
            producer._txn_manager._txn_consumer_group = group  # noqa: SLF001 - as above
            await producer.send_offsets_to_transaction(offsets, group)

    asyncio.run(write())


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def place_of(ledger: Ledger, partition: int) -> Place:
    """One of its partitions."""
    return Place(ledger.settings.topics.commands.name, partition, ledger.settings.partitions)


@pytest.mark.parametrize(
    ("partition", "part"),
    [
        pytest.param(0, Said(3, 2, 1), id="all of it"),
        pytest.param(1, Said(3, 0, 0), id="results"),
        pytest.param(2, Said(0, 2, 0), id="events"),
        pytest.param(3, Said(0, 0, 1), id="a step"),
        pytest.param(4, Said(1, 1, 0), id="the first of each"),
    ],
)
def test_what_hangs_is_said_once(ledger: Ledger, partition: int, part: Said) -> None:
    """The claim commits it, and says what is missing behind it; also when it comes again."""
    place = place_of(ledger, partition)
    wallet = ledger.wallet_on(partition)
    hand = Hand(ledger.settings, partition)
    ledger.send(ledger.command("wallet.create", wallet))
    hand.batch()
    ledger.send(
        ledger.command("deposit", wallet, amount="5.00"),
        ledger.command("deposit", wallet, amount="1.00"),
        ledger.command(
            "withdrawal.schedule",
            wallet,
            amount="1.00",
            delay="PT90H",
            target="DE89370400440532013000",
        ),
    )
    hand.batch(say=leaver(ledger.settings, place, part))
    known = ends.shared(ledger.settings)
    assert hanging(known, ledger.settings, place)
    for _ in range(2):
        claim(ledger.settings, place, "test", lambda: True)
        wait_until(lambda: not hanging(known, ledger.settings, place), 20, "the markers")
    ledger.verify()


def test_what_somebody_else_has_left_is_told(ledger: Ledger) -> None:
    """Nobody sees what comes behind it, and only an administrator can end it."""
    place = place_of(ledger, 7)
    said = {ledger.settings.topics.events.name: [Message(b"k", b"v", [])]}
    write_hanging(ledger.settings, place, "somebody-else", said)
    with pytest.raises(InconsistentError, match=r"hangs on partition 7 of \S+events\.v1, .* abort"):
        claim(ledger.settings, place, "test", lambda: True)


def test_offsets_that_hang_keep_no_life_of_balances_from_its_place(ledger: Ledger) -> None:
    """Nobody is told where the group is, until the maker of balances is there again."""
    settings = ledger.settings
    group, name = f"{settings.application}-balances", f"{settings.application}-balances-1"
    events = settings.topics.events.name
    commit_hanging(settings, name, group, {TopicPartition(events, 6): 0})
    consumer = Consumer({**settings.kafka_client(), "group.id": group})
    place = [confluent_kafka.TopicPartition(events, 6)]
    with pytest.raises(KafkaException):
        consumer.committed(place, timeout=2)
    Publisher(settings, "1", group)
    (told,) = consumer.committed(place, timeout=20)
    assert told.offset == confluent_kafka.OFFSET_INVALID
    consumer.close()
