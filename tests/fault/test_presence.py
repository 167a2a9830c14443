"""A worker that dies is put out of the group by the others, before its session is over."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.settings import Settings
from streams.presence import Presence
from tests.ledgers import Ledger, opening
from tests.workers import Workers, execute, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.integration]

INSERT = "INSERT INTO partitions (topic, partition, owner) VALUES (%s, %s, %s)"


def presence(settings: Settings, slot: str) -> Presence:
    """One worker's, who is to do nothing."""

    def never(*_: object) -> None:
        raise AssertionError(slot)

    return Presence(settings, slot, never, never)


def test_only_who_has_no_life_is_gone(new_ledger: Callable[..., Settings]) -> None:
    """A slot that somebody works under is there, whichever life of it holds partitions."""
    settings = new_ledger(partitions=2)
    topic = settings.topics.commands.name
    for partition in (0, 1):
        execute(settings, INSERT, topic, partition, f"worker-{partition}@host:{partition}")
    here, other, former = (presence(settings, f"worker-{n}") for n in (0, 1, 1))
    here.appear()
    assert here.gone() == {"worker-1@host:1"}
    for life in (former, other):
        life.appear()
        assert here.gone() == set()
    former.disappear()
    assert here.gone() == set()
    other.disappear()
    wait_until(lambda: here.gone() == {"worker-1@host:1"}, 30, "end of the session")
    here.disappear()


def test_a_dead_worker_is_put_out_at_once(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """The survivor says so to the group, which still had it, and takes its partitions over."""
    settings = new_ledger(partitions=2)
    ledger = Ledger(settings, 71)
    wallets = [ledger.wallet_on(partition) for partition in range(2)]
    with Workers(settings, tmp_path) as workers:
        survivor, other = workers.start("1"), workers.start("2", keep=False)
        workers.await_held(count=2)
        ledger.ask(*opening(ledger, wallets))
        pid = other.pid
        other.send_signal(signal.SIGKILL)
        said = survivor.await_said("put out of the group")
        assert f":{pid}" in said.partition("put out of the group")[2].splitlines()[0]
        workers.await_held()
        ledger.ask(*(ledger.command("deposit", wallet, amount="1.00") for wallet in wallets))
        assert survivor.deaths == []
        ledger.verify()
