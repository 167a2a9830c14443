"""The compacted topic of balances: what the wallets hold, and never an older after a newer one."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from confluent_kafka import Producer

from consumers.balances import process
from consumers.balances.again import begin_again
from consumers.balances.comparing import Comparison, compare
from consumers.balances.process import Balances
from schemas import balances
from schemas.events import encode
from schemas.settings import Settings
from tests import told as events
from tests.ledgers import Ledger, opening
from tests.shell import Shell
from tests.workers import Worker, Workers, rows, wait_until

pytestmark = pytest.mark.integration

WAIT_SECONDS = 60.0
WALLETS = 12


class Balancer(Worker):
    """A `wallet balances` process."""

    words: ClassVar[tuple[str, ...]] = ("balances", "--slot")


@contextmanager
def balancer(settings: Settings, folder: Path, slot: str = "1") -> Iterator[Balancer]:
    """One that is started again whenever it dies, and ended in the end."""
    made = Balancer(settings, slot, folder / f"balances-{slot}.log").start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with a worker and some wallets."""
    made = Ledger(new_ledger(partitions=2), seed=4)
    with Workers(made.settings, tmp_path_factory.mktemp("ledger")) as workers:
        workers.start_and_hold()
        yield made
        made.verify()


def move(ledger: Ledger, wallets: list[str], count: int) -> None:
    """Deposits and transfers among wallets."""
    pick = ledger.random.choice
    said = [
        ledger.command("deposit", pick(wallets), amount="1.00")
        if number % 2
        else ledger.command("transfer", pick(wallets), to_wallet_id=pick(wallets), amount="1.00")
        for number in range(count)
    ]
    ledger.await_results(ledger.send(*said), WAIT_SECONDS)


def is_caught_up(settings: Settings) -> bool:
    """Whether every wallet's newest balance is told, and nothing else was."""
    found = compare(settings)
    assert found.is_right, found
    return found.wallets == found.equal > 0


def told(ledger: Ledger) -> list[tuple[str, int, str]]:
    """All records of the topic, in the order of each partition."""
    records = ledger.read(ledger.settings.topics.balances.name)
    said = [balances.decode(record.value() or b"") for record in records]
    return [(each.wallet_id, each.sequence, each.balance) for each in said]


def test_it_tells_what_the_wallets_hold_through_kills(ledger: Ledger, tmp_path: Path) -> None:
    """Killed in the middle, and shared among two: equal to the table."""
    wallets = [ledger.new_id() for _ in range(WALLETS)]
    ledger.ask(*opening(ledger, wallets))
    settings = ledger.settings
    with balancer(settings, tmp_path) as made:
        made.await_said("partitions gained")
        for _ in range(3):
            move(ledger, wallets, 150)
            made.send_signal(signal.SIGKILL)
        wait_until(lambda: is_caught_up(settings), WAIT_SECONDS, "all balances", made)
        with balancer(settings, tmp_path, "2") as other:
            other.await_said("partitions gained")
            move(ledger, wallets, 100)
            wait_until(lambda: is_caught_up(settings), WAIT_SECONDS, "all balances", made, other)
    with rows(settings, "SELECT wallet_id::text, sequence FROM wallets") as found:
        assert last(ledger) == dict(found)


def test_all_may_be_published_again(ledger: Ledger, tmp_path: Path) -> None:
    """From the first event on, and only what is still so: no reader sees a wallet go back."""
    wallets = [ledger.new_id() for _ in range(WALLETS)]
    ledger.ask(*opening(ledger, wallets))
    settings, wallet = ledger.settings, Shell(ledger.settings)
    with balancer(settings, tmp_path) as made:
        wait_until(lambda: is_caught_up(settings), WAIT_SECONDS, "all balances", made)
        refused = wallet("balances", "--again")
        assert refused.code == 3
        assert "end all processes" in refused.complained
    before = len(told(ledger))
    move(ledger, wallets, 50)
    assert wallet("balances", "--again").code == 0
    late = wallet("balances", "--check", "--json")
    assert (late.code, late.json["behind"] > 0) == (0, True)
    with balancer(settings, tmp_path) as made:
        made.await_said("partitions gained")
        wait_until(lambda: is_caught_up(settings), WAIT_SECONDS, "all balances", made)
        move(ledger, wallets, 50)
        wait_until(lambda: is_caught_up(settings), WAIT_SECONDS, "all balances", made)
    assert len(told(ledger)) > before
    assert "0 wrong, 0 backwards" in wallet("balances", "--check").said


def test_killed_while_all_is_published_again(
    new_ledger: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topic's last record is then an old event's; the next process knows better."""
    monkeypatch.setattr(process, "BATCH", 5)
    ledger = Ledger(new_ledger(partitions=1), seed=6)
    settings = ledger.settings
    quiet, busy = [ledger.new_id()], [ledger.new_id(), ledger.new_id()]
    with Workers(settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(*opening(ledger, quiet))
        ledger.ask(*opening(ledger, busy))
        move(ledger, busy, 60)
    with making(settings) as maker:
        turn_until(lambda: is_caught_up(settings), maker)
    begin_again(settings)
    before = len(told(ledger))
    with making(settings) as maker:
        turn_until(lambda: len(told(ledger)) > before, maker)
    assert told(ledger)[-1][0] == quiet[0], "all was published again at once"
    with making(settings) as maker:
        turn_until(lambda: len(told(ledger)) >= before + len([*quiet, *busy]), maker)
    assert "0 behind" in (checked := Shell(settings)("balances", "--check").said), checked
    assert "0 wrong, 0 backwards" in checked


def test_what_is_not_so_is_found(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """A wrong balance, an older one after a newer one, no wallet, and what is no balance."""
    ledger = Ledger(new_ledger(partitions=1), seed=5)
    settings = ledger.settings
    (wallet_id, other) = wallets = [ledger.new_id(), ledger.new_id()]
    with Workers(settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(*opening(ledger, wallets))
    say(settings, (wallet_id, 2, "1000.00"), (other, 2, "1000.00"))
    assert compare(settings) == Comparison(wallets=2, equal=2)
    say(settings, (wallet_id, 2, "999.00"), (other, 1, "0.00"), (ledger.new_id(), 1, "0.00"))
    found = compare(settings)
    assert (found.wrong, found.backwards, found.behind) == (2, 1, 1)
    assert not found.is_right
    say(settings, b"no balance")
    assert compare(settings).wrong == 3
    done = Shell(settings)("balances", "--check")
    assert done.code == 1
    assert "999.00" in done.said


def test_what_is_no_event_hides_nothing(new_ledger: Callable[..., Settings]) -> None:
    """Under whatever key it stands: the last event of each wallet is told."""
    ledger = Ledger(new_ledger(partitions=1))
    settings = ledger.settings
    first, second, third, fourth = events.WALLETS
    with making(settings) as maker:
        # What stood there before would be told only where the ledger's table says the same.
        turn_until(lambda: bool(maker._member.partitions), maker)  # noqa: SLF001 - nobody else says
        events.say(settings, [events.told(first, 1), events.told(second, 1), events.told(first, 2)])
        turn_until(lambda: last(ledger) == {first: 2, second: 1}, maker)
        poison = [(third, b"no event"), (fourth, encode(events.told(second, 9).event))]
        events.say(settings, [events.told(third, 1), *poison, events.told(first, 3)])
        turn_until(lambda: last(ledger) == {first: 3, second: 1, third: 1}, maker)


def last(ledger: Ledger) -> dict[str, int]:
    """The sequence that each wallet's newest record tells."""
    return {wallet_id: sequence for wallet_id, sequence, _ in told(ledger)}


@contextmanager
def making(settings: Settings) -> Iterator[Balances]:
    """A maker of balances that the test turns; the next one has its slot and its partitions."""
    maker = Balances(settings, "1")
    try:
        yield maker
    finally:
        maker.close()


def turn_until(done: Callable[[], bool], maker: Balances) -> None:
    """Let it work until it is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline
        maker.turn()


def say(settings: Settings, *said: tuple[str, int, str] | bytes) -> None:
    """Put balances into the topic by hand, or what is none."""
    producer = Producer(settings.kafka_client())
    for each in said:
        if isinstance(each, bytes):
            key, value = b"any", each
        else:
            wallet_id, sequence, balance = each
            told = balances.WalletBalance(wallet_id, sequence, "IRR", balance, "", "", "deposit")
            key, value = wallet_id.encode(), balances.encode(told)
        producer.produce(settings.topics.balances.name, value, key, 0)
    assert producer.flush(WAIT_SECONDS) == 0
