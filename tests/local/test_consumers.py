"""What a copy knows of its consumers is what they say themselves."""

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer

from consumers.balances.process import GROUP as BALANCES
from consumers.delayed.process import GROUP as DELAYED
from consumers.receipts.following import GROUP as RECEIPTS
from consumers.withdrawals.following import GROUP as BANK
from schemas.settings import Settings
from wallet import topics
from wallet.cli.families import FAMILIES
from wallet.local.consumers import GROUPS
from wallet.local.groups import partitions_of


def test_each_consumer_is_a_command_and_has_its_group() -> None:
    """A process is named as the command that it runs."""
    told = {"delayed": DELAYED, "bank-caller": BANK, "receipts": RECEIPTS, "balances": BALANCES}
    assert told == GROUPS
    assert set(GROUPS) <= {command for names in FAMILIES.values() for command in names}


@pytest.mark.integration
def test_a_group_tells_who_has_what(new_ledger: Callable[..., Settings]) -> None:
    """All partitions belong to the only member; started again it is another one."""
    ledger = new_ledger(partitions=3)
    admin = topics.client(ledger)
    group = f"{ledger.application}-test"
    assert partitions_of(admin, group) == {}
    seen = [_member(ledger, group) for _ in range(2)]
    assert [owned for _, owned in seen] == [{0, 1, 2}] * 2
    assert seen[0][0] != seen[1][0]


def _member(ledger: Settings, group: str) -> tuple[str, frozenset[int]]:
    """Who has the delayed topic while one member of a fixed slot follows it."""
    own = {"group.id": group, "group.instance.id": "1", "auto.offset.reset": "latest"}
    consumer = Consumer({**ledger.kafka_client(), **own})
    try:
        consumer.subscribe([ledger.topics.scheduled.name])
        while not consumer.assignment():
            consumer.poll(0.1)
        ((member, owned),) = partitions_of(topics.client(ledger), group).items()
        return member, owned
    finally:
        consumer.close()


def test_a_broker_that_is_not_there_tells_nothing() -> None:
    """It is asked again, and no error ends the start."""
    nowhere = Settings(kafka_bootstrap="127.0.0.1:9")
    assert partitions_of(topics.client(nowhere), "group") == {}
