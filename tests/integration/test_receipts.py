"""The maker of receipts on real Kafka and PostgreSQL: killed wherever, each receipt is there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumers.receipts.following import GROUP
from consumers.receipts.shelf import MAKING
from producers.bounds import bounds
from schemas import identifiers
from schemas.receipts import name_of, place_of
from schemas.settings import Settings
from tests.ledgers import Ledger, opening
from tests.makers import maker
from tests.shell import Shell
from tests.workers import Workers, execute, wait_until

pytestmark = pytest.mark.integration

WAIT_SECONDS = 60.0


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with a worker; its transfers get receipts."""
    folder = tmp_path_factory.mktemp("ledger")
    made = Ledger(new_ledger(receipts_sources="/shop, /test"), seed=9)
    with Workers(made.settings, folder) as workers:
        workers.start_and_hold()
        yield made
        made.verify()


def own(ledger: Ledger, folder: Path, start: str) -> Settings:
    """Settings of makers in a group of their own, with a folder of their own."""
    changes = {
        "application": f"{ledger.settings.application}-{folder.name}",
        "receipts": folder / "receipts",
        "receipts_start": start,
    }
    return ledger.settings.model_copy(update=changes)


def transfers(ledger: Ledger, count: int) -> list[str]:
    """Transfers from wallets of all partitions; the names of their receipts."""
    partitions = ledger.settings.partitions
    wallets = [ledger.wallet_on(number % partitions) for number in range(count + 1)]
    ledger.ask(*opening(ledger, wallets))
    asked = [
        ledger.command("transfer", wallet, to_wallet_id=wallets[-1], amount="1.00")
        for wallet in wallets[:-1]
    ]
    other = ledger.command("deposit", wallets[0], amount="1.00")
    results = ledger.ask(*asked, other)[:-1]
    return [
        name_of(
            identifiers.number(each["command"]["offset"], each["command"]["partition"], partitions),
            each["recorded_at"],
        )
        for each in results
    ]


def files(settings: Settings) -> dict[str, bytes]:
    """The receipts that are there."""
    folder = settings.receipts_folder
    found = list(folder.glob("[0-9]*/*"))
    assert all(each == place_of(folder, each.name) for each in found)
    return {each.name: each.read_bytes() for each in found}


def is_all_committed(settings: Settings) -> bool:
    """Whether the group has nothing left to read but marks of transactions."""
    name = settings.topics.events.name
    group = {"group.id": f"{settings.application}-{GROUP}", "log_level": 0}
    asking = Consumer({**settings.kafka_client(), **group})
    try:
        places = [TopicPartition(name, number) for number in range(settings.partitions)]
        ends = {each.partition: bounds(asking, name, each.partition, 20).high for each in places}
        kept = {each.partition: each.offset for each in asking.committed(places, timeout=20)}
        return all(kept[number] >= ends[number] - 1 for number in ends if ends[number])
    finally:
        asking.close()


def test_every_transfer_gets_its_receipt(ledger: Ledger, tmp_path: Path) -> None:
    """Once, whole, wherever the maker is killed."""
    settings = own(ledger, tmp_path, "end")
    transfers(ledger, 1)  # came before the group, which begins at the end
    with maker(settings, tmp_path) as made:
        wait_until(lambda: is_all_committed(settings), WAIT_SECONDS, "a start", made)
    assert files(settings) == {}
    faults = ("before-rename:2", "after-rename:2", "before-commit", "after-commit")
    with maker(settings, tmp_path, *faults) as made:
        names = transfers(ledger, 6)
        wait_until(lambda: files(settings).keys() >= set(names), WAIT_SECONDS, "receipts", made)
        made.await_death(count=3)
        names += transfers(ledger, 1)
        made.await_death(count=4)
        names += transfers(ledger, 1)
        wait_until(lambda: files(settings).keys() >= set(names), WAIT_SECONDS, "receipts", made)
        wait_until(lambda: is_all_committed(settings), WAIT_SECONDS, "offsets", made)
        assert made.deaths == [-9] * 4
    found = files(settings)
    assert sorted(found) == sorted(names)
    assert all(each.startswith(b"%PDF-") and each.endswith(b"%%EOF\n") for each in found.values())
    making = settings.receipts_folder / MAKING
    assert [each for each in making.rglob("*") if each.is_file()] == []


def test_who_begins_at_the_beginning_makes_the_same_files(ledger: Ledger, tmp_path: Path) -> None:
    """A folder that was lost is made again, byte for byte; then nothing is made twice."""
    names = transfers(ledger, 3)
    settings = own(ledger, tmp_path, "beginning")
    seen = []
    for turn in "ab":
        one = settings.model_copy(
            update={"receipts": tmp_path / turn, "application": f"{settings.application}{turn}"}
        )
        with maker(one, tmp_path) as made:
            wait_until(lambda: files(one).keys() >= set(names), WAIT_SECONDS, "receipts", made)  # noqa: B023
            wait_until(lambda: is_all_committed(one), WAIT_SECONDS, "offsets", made)  # noqa: B023
        seen.append(files(one))
    assert seen[0] == seen[1]
    again = settings.model_copy(
        update={"receipts": tmp_path / "a", "application": f"{settings.application}c"}
    )
    before = {each: each.stat().st_mtime_ns for each in (tmp_path / "a").rglob("*.pdf")}
    with maker(again, tmp_path) as made:
        wait_until(lambda: is_all_committed(again), WAIT_SECONDS, "offsets", made)
    assert {each: each.stat().st_mtime_ns for each in (tmp_path / "a").rglob("*.pdf")} == before
    lost = place_of(tmp_path / "a", names[0])
    lost.unlink()
    wallet = Shell(again)
    said = [wallet("receipts", "--again").said for _ in range(2)]
    assert [each.split()[0] for each in said] == ["1", "0"]
    assert files(again) == seen[0]


def test_a_database_that_refuses_is_waited_for(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing is committed meanwhile, and it goes on by itself."""
    settings = own(ledger, tmp_path, "end")
    with maker(settings, tmp_path) as made:
        wait_until(lambda: is_all_committed(settings), WAIT_SECONDS, "a start", made)
        made.await_said("partitions gained")
        execute(ledger.settings, "ALTER TABLE users RENAME TO people_elsewhere")
        try:
            names = transfers(ledger, 2)
            made.await_said("no receipt could be made, trying again")
            assert files(settings) == {}
            assert not is_all_committed(settings)
        finally:
            execute(ledger.settings, "ALTER TABLE people_elsewhere RENAME TO users")
        wait_until(lambda: files(settings).keys() >= set(names), WAIT_SECONDS, "receipts", made)
        assert made.deaths == []
