"""A worker that is ended politely leaves the group: nobody waits for its session to run out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger
from tests.loads import Load, pause
from tests.workers import Workers, wait_until
from wallet import topics
from wallet.local.groups import partitions_of

pytestmark = pytest.mark.integration

PATIENCE = 30.0


def test_whoever_is_ended_politely_is_no_member_any_more(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Its partitions go to the others at once; one that is killed is awaited for 6 s."""
    settings = new_ledger()
    ledger = Ledger(settings, seed=17)
    wallets = [ledger.wallet_on(partition) for partition in range(4)]
    admin = topics.client(settings)
    with Workers(settings, tmp_path) as workers:
        workers.start_and_hold("1", "2")
        before = partitions_of(admin, settings.application)
        assert len(before) == 2
        workers.stop("1")
        after = partitions_of(admin, settings.application)
        assert len(after) == 1, "the broker has heard it before the process was gone"
        wait_until(lambda: set(workers.owners().values()) == {"2"}, PATIENCE, "one owner")
        results = ledger.ask(*(ledger.command("wallet.create", each) for each in wallets))
    assert {result["status"] for result in results} == {"completed"}
    ledger.verify()


def test_whoever_leaves_works_until_it_is_relieved(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Its lanes go on until the others' claims shut them out, which is no alarm."""
    ledger = Ledger(new_ledger(), seed=18)
    with Workers(ledger.settings, tmp_path) as workers:
        leaving, _ = workers.start_and_hold("1", "2")
        with Load(ledger, per_second=200):
            pause(0.5)
            workers.stop("1")
            pause(0.2)
        ledger.verify()
        assert leaving.deaths == [0]
        relieved = ("fenced after the partition was given up", "left in the middle")
        assert any(words in leaving.said for words in relieved), leaving.said
        assert "a batch failed" not in leaving.said


def test_the_last_one_waits_for_nobody(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """Nobody is there to relieve it: it drains, and what is left waits in the log."""
    ledger = Ledger(new_ledger(), seed=19)
    with Workers(ledger.settings, tmp_path) as workers:
        (last,) = workers.start_and_hold("1")
        with Load(ledger, per_second=200):
            pause(0.5)
            workers.stop("1")
        assert last.deaths == [0]
        assert "fenced" not in last.said
        workers.start("2")
        ledger.verify()
