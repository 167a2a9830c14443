"""The delayed consumer on real Kafka and PostgreSQL: fires when due, not before, once each."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from consumers.delayed.faults import POINTS
from consumers.delayed.process import Delayed, UnreachableError
from producers.withdrawals import DELAYED, execution
from schemas.settings import Settings
from tests.consumers import delayed_consumer
from tests.ledgers import Ledger, Said, opening
from tests.workers import Workers, execute, rows, wait_until

pytestmark = pytest.mark.integration

WAIT_SECONDS = 60.0


@pytest.fixture
def ledger(new_ledger: Callable[..., Settings], tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of the test's own with a worker; in the end it must be clean."""
    made = Ledger(new_ledger(), seed=7)
    with Workers(made.settings, tmp_path) as workers:
        workers.start_and_hold()
        yield made
        made.verify()


@pytest.fixture
def idle(new_ledger: Callable[..., Settings]) -> Ledger:
    """A ledger of the test's own in which nobody executes anything."""
    return Ledger(new_ledger(), seed=7)


def wallets_of(ledger: Ledger, count: int = 8) -> list[str]:
    """Wallets with money, on every partition."""
    partitions = ledger.settings.partitions
    wallets = [ledger.wallet_on(number % partitions) for number in range(count)]
    ledger.ask(*opening(ledger, wallets))
    return wallets


def schedule(ledger: Ledger, wallets: Iterable[str], **terms: Any) -> list[str]:  # noqa: ANN401
    """Schedule a withdrawal of each wallet; their ids."""
    given = {"amount": "1.00", "target": "IR1", **terms}
    said = [ledger.command("withdrawal.schedule", wallet, **given) for wallet in wallets]
    return [result["withdrawal"]["id"] for result in ledger.ask(*said)]


def insert(settings: Settings, count: int, due: str, first: int = 0) -> None:
    """Put scheduled withdrawals into the table, beside the ledger; `due` is SQL, of number `g`."""
    into = (
        "INSERT INTO withdrawals (withdrawal_id, wallet_id, amount_minor, due_at, changed_at,"
        " partition, status, currency) SELECT gen_random_uuid(), gen_random_uuid(), 100,"
    )
    rest = ", now(), g %% %s, 0, 'IRR' FROM generate_series(%s, %s) AS g"
    execute(settings, into + due + rest, settings.partitions, first + 1, first + count)


def statuses(settings: Settings) -> Counter[int]:
    """How many withdrawals there are of each status."""
    with rows(settings, "SELECT status FROM withdrawals") as found:
        return Counter(status for (status,) in found)


def fired(ledger: Ledger) -> Counter[str]:
    """How often each command of the delayed consumer stands in the log."""
    records = ledger.read(ledger.settings.topics.commands.name)
    return Counter(id_of(record) for record in records if header(record, "ce_source") == DELAYED)


def header(record: Message, name: str) -> str:
    """A header as text; empty when there is none."""
    found = dict(record.headers() or ()).get(name, b"")
    assert isinstance(found, bytes)
    return found.decode()


def id_of(record: Message) -> str:
    """The id of a command."""
    return header(record, "ce_id")


def await_executed(ledger: Ledger, count: int) -> None:
    """Wait until so many withdrawals are executing."""
    wait_until(lambda: statuses(ledger.settings)[1] == count, WAIT_SECONDS, f"{count} executing")


def lateness(ledger: Ledger) -> list[float]:
    """Seconds from due to execution, by the ledger's clock, of all that are executing."""
    query = "SELECT extract(epoch FROM changed_at - due_at) FROM withdrawals WHERE status = 1"
    with rows(ledger.settings, query) as found:
        return [float(seconds) for (seconds,) in found]


def test_they_fire_when_due_and_not_before(ledger: Ledger, tmp_path: Path) -> None:
    """Whether they were scheduled before it started or later; each by one command."""
    wallets = wallets_of(ledger)
    before = schedule(ledger, wallets, delay="PT3S")
    with delayed_consumer(ledger.settings, tmp_path):
        after = schedule(ledger, wallets, delay="PT2S")
        far = schedule(ledger, wallets[:1], delay="P1D")
        await_executed(ledger, 16)
    assert min(lateness(ledger)) >= 0
    assert fired(ledger) == {f"execute:{each}": 1 for each in [*before, *after]}
    assert statuses(ledger.settings) == {1: 16, 0: len(far)}


def test_a_cancelled_one_never_fires(ledger: Ledger, tmp_path: Path) -> None:
    """Its record takes it out of the heap; the one beside it fires."""
    (wallet,) = wallets_of(ledger, 1)
    with delayed_consumer(ledger.settings, tmp_path):
        stays, goes = schedule(ledger, [wallet, wallet], delay="PT2S")
        ledger.ask(ledger.command("withdrawal.cancel", wallet, withdrawal_id=goes))
        await_executed(ledger, 1)
    assert fired(ledger) == {f"execute:{stays}": 1}


@pytest.mark.fault
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_step_it_fires_each_once(ledger: Ledger, tmp_path: Path, point: str) -> None:
    """Started again, it goes on from the tables: none lost, none executed twice."""
    wallets = wallets_of(ledger)
    if point == "before-doubts":
        early = schedule(ledger, wallets[:1], delay="PT3S")
        ledger.ask(_by_hand(wallets[0], early[0]))  # refused: it will be in doubt
    with delayed_consumer(ledger.settings, tmp_path, "1", f"{point}:1", f"{point}:1") as consumer:
        for delay in ("PT1S", "PT1.5S", "PT2S"):
            schedule(ledger, wallets, delay=delay)
        consumer.await_death(count=2)
        await_executed(ledger, 25 if point == "before-doubts" else 24)
    assert consumer.deaths[:2] == [-9, -9]
    assert min(lateness(ledger)) >= 0


@pytest.mark.fault
def test_killed_at_random_it_fires_each_once(ledger: Ledger, tmp_path: Path) -> None:
    """Five times within some seconds, with something due all the time."""
    wallets = wallets_of(ledger)
    with delayed_consumer(ledger.settings, tmp_path) as consumer:
        for tenth in range(20, 80, 4):
            schedule(ledger, wallets, delay=f"PT{tenth / 10}S")
        for life in range(5):
            time.sleep(ledger.random.uniform(0.3, 1.5))  # any moment will do
            consumer.send_signal(9)  # type: ignore[arg-type]
            consumer.await_death(count=life + 1)
        await_executed(ledger, 15 * len(wallets))
    assert min(lateness(ledger)) >= 0


def test_two_share_and_hand_over(ledger: Ledger, tmp_path: Path) -> None:
    """One that ends leaves its partitions to the other, with all that waits on them."""
    wallets = wallets_of(ledger)
    with delayed_consumer(ledger.settings, tmp_path, "1") as one:
        with delayed_consumer(ledger.settings, tmp_path, "2") as two:
            one.await_said("partitions lost")
            shared = schedule(ledger, wallets, delay="PT1S")
            await_executed(ledger, 8)
            left = schedule(ledger, wallets, delay="PT4S")
            mark = len(one.said)
        one.await_said("partitions gained", since=mark)
        await_executed(ledger, 16)
    assert "delayed consumer stopped" in two.said
    assert set(fired(ledger)) == {f"execute:{each}" for each in [*shared, *left]}
    assert min(lateness(ledger)) >= 0


def test_an_advance_of_the_clock_fires(ledger: Ledger, tmp_path: Path) -> None:
    """What becomes due by it, and only that; within moments, not days."""
    wallets = wallets_of(ledger)
    with delayed_consumer(ledger.settings, tmp_path):
        schedule(ledger, wallets, delay="P2D")
        schedule(ledger, wallets[:2], delay="P4D")
        execute(ledger.settings, "INSERT INTO clock VALUES (%s)", 3 * 86_400_000)
        await_executed(ledger, 8)
    assert statuses(ledger.settings) == {1: 8, 0: 2}


def _by_hand(wallet: str, withdrawal_id: str, attempt: int = 1) -> Said:
    message = execution(wallet, withdrawal_id, attempt)
    assert message.key is not None
    return Said(message.key, message.value, [*message.headers])


def test_what_was_refused_as_too_early_is_tried_under_a_new_id(
    ledger: Ledger, tmp_path: Path
) -> None:
    """As when the broker's clock is an hour behind: the first ids are used up, by nothing."""
    (wallet,) = wallets_of(ledger, 1)
    (withdrawal_id,) = schedule(ledger, [wallet], delay="PT2S")
    for attempt in (1, 2):
        (early,) = ledger.ask(_by_hand(wallet, withdrawal_id, attempt))
        assert early["error"]["code"] == "withdrawal_not_due"
    with delayed_consumer(ledger.settings, tmp_path) as consumer:
        await_executed(ledger, 1)
    assert consumer.said.count("code=withdrawal_not_due") == 2
    assert fired(ledger) == {
        f"execute:{withdrawal_id}": 2,
        f"execute:{withdrawal_id}:2": 2,
        f"execute:{withdrawal_id}:3": 1,
    }


def test_a_burst_is_sent_once_each(idle: Ledger, tmp_path: Path) -> None:
    """More in one instant than a page or a volley holds, some long overdue, and no answers."""
    insert(idle.settings, 6000, "now() + interval '2 s'")
    insert(idle.settings, 2000, "now() - g * interval '1 minute'", first=6000)
    with delayed_consumer(idle.settings, tmp_path):
        wait_until(lambda: len(fired(idle)) == 8000, WAIT_SECONDS, "8000 commands")
        time.sleep(4)  # in doubt meanwhile, and found unanswered
    found = fired(idle)
    with rows(idle.settings, "SELECT withdrawal_id::text FROM withdrawals") as ids:
        assert set(found) == {f"execute:{each}" for (each,) in ids}
    assert set(found.values()) == {1}


def test_commands_are_not_stamped_before_they_are_due(idle: Ledger, tmp_path: Path) -> None:
    """A thousand over two seconds: each by the broker's clock at its instant or after."""
    insert(idle.settings, 1000, "now() + g * interval '2 ms' + interval '3 s'")
    with delayed_consumer(idle.settings, tmp_path):
        wait_until(lambda: len(fired(idle)) == 1000, WAIT_SECONDS, "1000 commands")
    query = "SELECT withdrawal_id::text, due_at FROM withdrawals"
    with rows(idle.settings, query) as found:
        due = dict(found)
    for record in idle.read(idle.settings.topics.commands.name):
        stamp = datetime.fromtimestamp(record.timestamp()[1] / 1000, UTC)
        assert stamp >= due[id_of(record).removeprefix("execute:")]


def test_what_slipped_through_is_found(idle: Ledger) -> None:
    """A row of which no record ever told, and long due, fires with the next look at everything."""
    delayed = Delayed(idle.settings, None, rescan=0.1)
    try:
        _turn_until(delayed, lambda: delayed.is_settled)
        insert(idle.settings, 8, "now() - interval '1 day'")
        _turn_until(delayed, lambda: len(fired(idle)) == 8)
    finally:
        delayed.close()
    assert set(fired(idle).values()) == {1}


def test_without_a_database_it_gives_up_in_time(idle: Ledger) -> None:
    """So that its supervisor starts a new one; until then it only tells once."""
    nowhere = idle.settings.model_copy(
        update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}
    )
    delayed = Delayed(nowhere, None, patience=1.0)
    try:
        with pytest.raises(UnreachableError, match="WALLET_DATABASE_URL"):
            _turn_until(delayed, lambda: False)
    finally:
        delayed.close()


def _turn_until(delayed: Delayed, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        delayed.turn()
