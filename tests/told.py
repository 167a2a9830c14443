"""Events made by hand, for tests of those who read them."""

from collections.abc import Iterable

from confluent_kafka import Producer

from consumers.kit.reading import Told
from schemas import events
from schemas.events import Balance, Event, TransactionBody
from schemas.identifiers import event_id, partition_of
from schemas.results import CommandRef
from schemas.settings import Settings

MOMENT = "2026-11-20T10:00:00.000Z"
TYPE = "wallet.deposited.v1"
WALLETS = [f"01930f6e-3c00-7000-8000-00000000000{digit}" for digit in "abcd"]
COMMAND = CommandRef("/test", "7", "deposit.v1", "wallet.commands.v1", 0, 7)


def told(wallet: str, sequence: int, offset: int = 0, partition: int = 0) -> Told:
    """A deposit into a wallet that holds as much as it has events."""
    body = TransactionBody("t", "deposit", MOMENT, MOMENT, None, {})
    balance = Balance(f"{sequence - 1}.00", f"{sequence}.00")
    event = Event(wallet, sequence, "IRR", body, [], balance, COMMAND)
    return Told(event_id(wallet, sequence), TYPE, partition, offset, None, event)


def say(settings: Settings, said: Iterable[Told | tuple[str, bytes]]) -> None:
    """Put events into the log, in order, or under a wallet's key what is none."""
    producer = Producer(settings.kafka_client())
    topic = settings.topics.events.name
    for each in said:
        if isinstance(each, Told):
            wallet, value = each.event.wallet_id, events.encode(each.event)
            headers = [("ce_id", each.id.encode()), ("ce_type", each.type.encode())]
        else:
            (wallet, value), headers = each, []
        home = partition_of(wallet, settings.partitions)
        producer.produce(topic, value, wallet.encode(), home, headers=list(headers))
    assert producer.flush(30) == 0
