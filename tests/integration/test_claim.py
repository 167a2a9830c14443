"""A claim that finds the log and the database in contradiction refuses, and says what to do."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from producers.tails import Tails
from schemas.settings import Settings
from streams.claim import InconsistentError, OvertakenError, claim
from streams.rows import Place
from tests.ledgers import Ledger
from tests.topics import cut
from tests.workers import Workers, execute, rows, wait_until
from wallet import topics

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def worked(new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger whose worker has done four commands on each partition and is gone.

    Each test breaks a partition of its own.
    """
    ledger = Ledger(new_ledger(partitions=8), seed=21)
    with Workers(ledger.settings, tmp_path_factory.mktemp("claim")) as workers:
        workers.start_and_hold()
        for partition in range(8):
            wallet = ledger.wallet_on(partition)
            ledger.send(ledger.command("wallet.create", wallet))
            ledger.send(*(ledger.command("deposit", wallet, amount="1.00") for _ in range(3)))
        ledger.verify()
    return ledger


def refused(ledger: Ledger, partition: int) -> str:
    """Claim a partition; what the refusal says."""
    place = Place(ledger.settings.topics.commands.name, partition, ledger.settings.partitions)
    with pytest.raises(InconsistentError) as error:
        claim(ledger.settings, place, "test", lambda: True)
    return str(error.value)


def change(ledger: Ledger, partition: int, what: str) -> None:
    """Plant a damage in a partition's row."""
    statement = f"UPDATE partitions SET {what} WHERE partition = %s"  # noqa: S608 - our own words
    execute(ledger.settings, statement, partition)


def test_commands_expired_unprocessed(worked: Ledger) -> None:
    """The log begins after the next command."""
    worked.send(*(worked.command("deposit", worked.wallet_on(0), amount="1.00") for _ in range(3)))
    cut(worked.settings, worked.settings.topics.commands, (0, 6))
    said = refused(worked, 0)
    assert "begins at 6, but the next command to process is 4: 2 commands expired" in said
    assert "UPDATE partitions SET next_offset" in said


def test_the_log_is_shorter_than_the_database(worked: Ledger) -> None:
    """The broker lost commands, or its topic is another one."""
    change(worked, 1, "next_offset = 1000")
    assert "ends at 4, but the database has processed up to 1000" in refused(worked, 1)


def test_results_are_ahead_of_the_database(worked: Ledger) -> None:
    """The database was restored from a backup that is too old."""
    change(worked, 2, "next_offset = 2, batch_offset = 0, floor_offset = -1")
    said = refused(worked, 2)
    assert "has the result of command 3" in said
    assert "only knows commands before 2: the database lost commits. If it was restored" in said


def test_results_were_lost(worked: Ledger) -> None:
    """The last result is older than one that was published."""
    wallet = worked.wallet_on(3)
    worked.send(*(worked.command("deposit", wallet, amount="1.00") for _ in range(3)))
    change(worked, 3, "next_offset = 7, floor_offset = 5, last_result_offset = 5")
    said = refused(worked, 3)
    assert re.search(r"that of command 3, but that of 5 was published: .* lost results", said)


def test_results_cut_by_retention_are_not_lost(worked: Ledger) -> None:
    """An empty results topic that once had some is what a week without commands leaves."""
    cut(worked.settings, worked.settings.topics.results, (4, -1))
    place = Place(worked.settings.topics.commands.name, 4, 8)
    assert claim(worked.settings, place, "test", lambda: True).next_offset == 4


@pytest.mark.parametrize("change_by", [2, -2])
def test_events_were_lost(worked: Ledger, change_by: int) -> None:
    """The events log is neither before nor after the newest batch."""
    partition = 5 if change_by > 0 else 6
    ahead = f"next_event = next_event + {change_by}, batch_event = next_event + {change_by} - 1"
    change(worked, partition, ahead)
    said = refused(worked, partition)
    assert f"The events log of partition {partition} goes to number 3; the database expects" in said
    assert "Restore the topic" in said


def test_an_overtaken_claim_gives_up_without_alarm(worked: Ledger) -> None:
    """Whoever was frozen in its claim and wakes when it is over does no harm."""
    place = Place(worked.settings.topics.commands.name, 7, 8)
    with pytest.raises(OvertakenError):
        claim(worked.settings, place, "late", lambda: False)
    held = claim(worked.settings, place, "test", lambda: True)
    with rows(worked.settings, "SELECT epoch FROM partitions WHERE partition = 7") as found:
        assert found[0][0] == held.epoch


def test_the_log_is_another_one(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """It was made anew and has grown since: what stands there would be taken for done."""
    ledger = Ledger(new_ledger(partitions=1), seed=23)
    wallet, name = ledger.new_id(), ledger.settings.topics.commands.name
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(ledger.command("wallet.create", wallet))
        ledger.ask(ledger.command("deposit", wallet, "known", amount="1.00"))
    place = Place(name, 0, 1)
    assert claim(ledger.settings, place, "test", lambda: True).next_offset == 2
    admin = topics.client(ledger.settings)
    admin.delete_topics([name])[name].result(20)
    wait_until(lambda: name in topics.apply(ledger.settings, 20), 20, "topic made anew")
    lost = [ledger.command("deposit", wallet, f"lost-{n}", amount="1.00") for n in range(3)]
    ledger.send(*lost, producer=Producer(ledger.settings.kafka_client()))
    said = refused(ledger, 0)
    assert "has command lost-1 at 1, where the database has processed command known of /tes" in said
    cut(ledger.settings, ledger.settings.topics.commands, (0, 2))
    assert claim(ledger.settings, place, "test", lambda: True).next_offset == 2, "nobody can tell"
    with Tails(ledger.settings) as tails:
        there = [tails.at(name, 0, offset) is not None for offset in (1, 2, 3, 9)]
    assert there == [False, True, False, False], "expired, there, not yet, never"


def test_the_worker_ends_with_70(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """The refusal is the last line of its log, again after every restart."""
    ledger = Ledger(new_ledger(), seed=22)
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(ledger.command("wallet.create", ledger.wallet_on(2)))
    change(ledger, 2, "next_offset = 10")
    with Workers(ledger.settings, tmp_path) as workers:
        worker = workers.start()
        assert worker.await_death() == 70
        assert worker.await_death(count=2) == 70
        assert "the database has processed up to 10" in worker.said
        assert "Restore the" in worker.said
