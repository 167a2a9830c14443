"""The last owner of a partition is shut out ahead of the claim's own producer."""

from collections.abc import Callable
from contextlib import closing

import pytest
from confluent_kafka import KafkaException, Producer
from structlog.testing import capture_logs

from producers.fencing import Fence
from schemas.settings import Settings
from streams import ends, fencing
from streams.hanging import TRANSACTION_TIMEOUT_MS, hanging, transactional_id
from streams.rows import Place

pytestmark = [pytest.mark.fault, pytest.mark.integration]


@pytest.fixture(scope="module")
def unowned(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger on which nobody works."""
    return new_ledger()


@pytest.fixture
def place(unowned: Settings) -> Place:
    """One of its partitions."""
    return Place(unowned.topics.commands.name, 0, unowned.partitions)


def test_what_the_last_owner_has_open_is_aborted_when_it_returns(
    unowned: Settings, place: Place
) -> None:
    """No markers are awaited after it, and the owner's commit comes too late."""
    name = transactional_id(unowned, place)
    owner = Producer({**unowned.kafka_client(), "transactional.id": name, "log_level": 2})
    owner.init_transactions(20)
    owner.begin_transaction()
    owner.produce(unowned.topics.results.name, b"never", partition=place.partition)
    owner.flush(20)
    known = ends.shared(unowned)
    assert hanging(known, unowned, place) == [unowned.topics.results.name]
    with closing(Fence(unowned, name, TRANSACTION_TIMEOUT_MS, 20)) as fence:
        fence.shut_out()
    assert hanging(known, unowned, place) == []
    with pytest.raises(KafkaException, match="fenced"):
        owner.commit_transaction(20)


def test_without_a_broker_the_claim_goes_on(
    unowned: Settings, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its producer asks again, with the patience that is set."""
    monkeypatch.setattr(fencing, "LIMIT_SECONDS", 0.2)
    alone = unowned.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"})
    with capture_logs() as told, fencing.fence(alone, place) as shut_out:
        shut_out()
    assert [(line["event"], line["partition"]) for line in told] == [("not shut out ahead", 0)]
