"""The watchdog ends a worker that has work and does not move, and no other."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from aiokafka.errors import KafkaError
from confluent_kafka import Producer

from schemas.settings import Settings
from streams.rows import Place
from streams.watchdog import LOOK_SECONDS, Watchdog
from tests.ledgers import Ledger
from tests.workers import wait_until

pytestmark = pytest.mark.integration

LIMIT = 0.6


@dataclass
class StandingLane:
    """A lane that goes where the test puts it."""

    place: Place
    next_offset: int = 0


@dataclass
class Watch:
    """A watchdog over one lane, and what it cried."""

    ledger: Ledger
    lane: StandingLane
    cries: list[str]
    assigned: set[int]
    unheard: BaseException | None = None


@pytest.fixture
def watch(fresh_ledger: Settings) -> Iterator[Watch]:
    """A watchdog that loses patience soon; its crash is only noted."""
    settings = fresh_ledger.model_copy(update={"watchdog_timeout": LIMIT})
    ledger = Ledger(settings)
    with_end = ledger.send(ledger.command("wallet.create", ledger.wallet_on(0)))
    place = Place(settings.topics.commands.name, 0, settings.partitions)
    made = Watch(ledger, StandingLane(place, with_end[0][1] + 1), [], {0})
    watchdog = Watchdog(
        settings,
        lambda: [made.lane],  # type: ignore[list-item] # a double
        lambda _, error: made.cries.append(str(error)),
        lambda: made.assigned,
        lambda: made.unheard,
    )
    watchdog.start()
    yield made
    watchdog.end()
    watchdog.join(10)


def test_a_lane_with_work_that_stands_still(watch: Watch) -> None:
    """The log goes on without it: its batch hangs, or the fetcher is stuck."""
    stood = watch.lane.next_offset
    watch.ledger.send(watch.ledger.command("wallet.create", watch.ledger.wallet_on(0)))
    wait_until(lambda: watch.cries, 20, "cry")
    assert watch.cries[0].startswith(f"partition 0 has stood at {stood} of {stood + 1}")


def test_a_log_that_is_shorter_than_what_was_done(watch: Watch) -> None:
    """It was cut, or made anew: what is sent from now on would be taken for done."""
    end = watch.lane.next_offset
    watch.lane.next_offset = end + 3
    wait_until(lambda: watch.cries, 20, "cry")
    assert watch.cries[0] == f"partition 0 ends at {end}, and {end + 3} commands were done"


def test_an_open_transaction_among_the_commands_is_no_end(watch: Watch) -> None:
    """The ledger reads what is written; where that ends, not what others may see, is looked at."""
    settings = watch.ledger.settings
    given = {**settings.kafka_client(), "transactional.id": settings.topic_prefix}
    producer = Producer({**given, "log_level": 2})
    producer.init_transactions(20)
    producer.begin_transaction()
    command = watch.ledger.command("wallet.create", watch.ledger.wallet_on(0))
    producer.produce(watch.lane.place.topic, command.value, command.key, 0, headers=command.headers)
    assert producer.flush(20) == 0
    stood = watch.lane.next_offset
    wait_until(lambda: watch.cries, 20, "cry")
    assert watch.cries[0].startswith(f"partition 0 has stood at {stood} of {stood + 1}")
    producer.abort_transaction(20)


def test_a_lane_without_work_or_one_that_moves_is_left_alone(watch: Watch) -> None:
    """Idle for far longer than the limit; then behind for as long, but moving."""
    end = time.monotonic() + 2.5 * LOOK_SECONDS
    while time.monotonic() < end:
        time.sleep(LIMIT / 3)  # nothing is to happen: there is no event to wait for
    wallets = [watch.ledger.wallet_on(0) for _ in range(40)]
    watch.ledger.send(*(watch.ledger.command("wallet.create", wallet) for wallet in wallets))
    end = time.monotonic() + 2.5 * LOOK_SECONDS
    while time.monotonic() < end:
        time.sleep(LIMIT / 3)
        watch.lane.next_offset += 1
    assert watch.cries == []


def test_a_partition_that_is_ours_without_a_lane(watch: Watch) -> None:
    """Its claim was given up by mistake: nobody else would ever take it over."""
    watch.assigned = {0, 2}
    wait_until(lambda: watch.cries, 20, "cry")
    assert watch.cries[0].startswith("partition 2, with 0 commands, is ours but not held for")


def test_an_error_of_the_group_that_nobody_hears(watch: Watch) -> None:
    """The client waits for somebody to fetch, and Faust for an assignment: both for ever."""
    watch.unheard = KafkaError("SyncGroup: UnknownError")
    wait_until(lambda: watch.cries, 20, "cry")
    assert "SyncGroup: UnknownError" in watch.cries[0]
