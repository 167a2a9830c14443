"""After a catch-up workers go on, also where a batch was committed and lost before it was said."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests import replays
from tests.hands import hands_of
from tests.ledgers import Ledger, Said
from tests.topics import cut
from tests.workers import Workers, rows
from wallet.failure import Failure
from wallet.replay.cutting import From
from wallet.replay.run import Wish, catch_up, into

pytestmark = pytest.mark.integration

SEED = 20261127


def untold(_stage: str, _done: int, _total: int) -> None:
    """Nobody waits."""


def test_workers_go_on_from_what_was_caught_up(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """The claim finds nothing amiss, all is clean, and nothing is published twice.

    While they are at it, a catch-up refuses.
    """
    ledger = Ledger(new_ledger(), SEED)
    hands = hands_of(ledger.settings)
    wallets = replays.wallets_of(ledger, 8)
    hands.work()
    backup = replays.copied(ledger.settings, "restored_and_on")
    ledger.send(*replays.mixture(ledger, wallets, 300))
    hands.work()
    catch_up(backup, untold, dry_run=False)
    told = len(ledger.results()), len(ledger.events())
    after = Ledger(backup, SEED + 1)
    with Workers(backup, tmp_path) as workers:
        workers.start_and_hold("1")
        assert (len(after.results()), len(after.events())) == told
        after.ask(*(after.command("deposit", each, amount="1.00") for each in wallets))
        with pytest.raises(Failure, match="stop all workers"):
            catch_up(backup, untold, dry_run=False)
        after.verify()


def test_what_was_committed_and_never_said_is_decided_again(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """A transfer was committed and never published; its receiver went on with the money.

    The database is lost. What was said needs the transfer, so it is done first, and a worker
    publishes what it led to.
    """
    ledger = Ledger(new_ledger(partitions=2), SEED)
    payer, payee = (ledger.wallet_on(p) for p in range(2))
    hands = hands_of(ledger.settings)
    ledger.send(*(ledger.command("wallet.create", each) for each in (payer, payee)))
    ledger.send(ledger.command("deposit", payer, amount="9.00"))
    hands.work()
    backup = replays.copied(ledger.settings, "before_it_was_said")
    ledger.send(ledger.command("deposit", payer, amount="1.00"))
    hands.of[0].batch(is_published=True)
    ledger.send(ledger.command("transfer", payer, to_wallet_id=payee, amount="5.00"))
    hands.of[0].batch(is_published=False)
    ledger.send(ledger.command("charge_sale", payee, amount="4.00", phone_number="09120000000"))
    hands.of[1].batch(is_published=True)

    outcome = catch_up(backup, untold, dry_run=False)

    assert (outcome.commands, outcome.unpublished) == (3, 1)
    assert _balances(backup) == _balances(ledger.settings) == {payer: 500, payee: 100}
    with Workers(backup, tmp_path) as workers:
        workers.start_and_hold("1")
        findings = Ledger(backup).verify()
        assert findings.counts["results"] == 6


def test_a_batch_that_nobody_has_said_is_left_to_the_claim(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """A restored database that is ahead of the log on a partition keeps what it has to say."""
    ledger = Ledger(new_ledger(partitions=2), SEED)
    payer, payee = (ledger.wallet_on(p) for p in range(2))
    hands = hands_of(ledger.settings)
    sent: list[Said] = [ledger.command("wallet.create", each) for each in (payer, payee)]
    ledger.send(*sent, ledger.command("deposit", payer, amount="9.00"))
    hands.work()
    ledger.send(ledger.command("transfer", payer, to_wallet_id=payee, amount="5.00"))
    hands.of[0].batch(is_published=True)
    ledger.send(ledger.command("deposit", payee, amount="2.00"))
    hands.of[1].batch(is_published=False)  # the transfer's event arrived there: two are not said
    backup = replays.copied(ledger.settings, "ahead_of_the_log")
    ledger.send(ledger.command("deposit", payer, amount="1.00"))
    hands.of[0].batch(is_published=True)

    assert catch_up(backup, untold, dry_run=False).commands == 1

    with Workers(backup, tmp_path) as workers:
        workers.start_and_hold("1")
        findings = Ledger(backup).verify()
        assert findings.counts["results"] == 6
        assert len(ledger.events()) == 7


def test_results_that_retention_took_hold_nothing_up(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """A partition was at rest for longer than results are kept, while the other went on.

    Nothing is to be done again there, and the claim after it says nothing that was said before.
    """
    ledger = Ledger(new_ledger(partitions=2), SEED)
    wallets = replays.wallets_of(ledger, 2)
    hands = hands_of(ledger.settings)
    hands.work()
    ledger.send(ledger.command("deposit", wallets[0], amount="3.00"))
    hands.work()  # so that the first batch of the partition is not the newest
    backup = replays.copied(ledger.settings, "at_rest")
    ledger.send(*(ledger.command("deposit", wallets[1], amount="5.00") for _ in range(3)))
    hands.work()
    cut(ledger.settings, ledger.settings.topics.results, (0, -1))

    assert catch_up(backup, untold, dry_run=False).commands == 3

    assert _balances(backup) == _balances(ledger.settings)
    newest = [each["command"]["offset"] for each in ledger.results()]
    with Workers(backup, tmp_path) as workers:
        workers.start_and_hold("1")
        said = Ledger(backup).results()
    assert len(said) - len(newest) <= 1, "of the newest batch a claim cannot know"
    wish = Wish("after_a_rest", start=From(offsets={1: 4}))
    assert into(ledger.settings, wish, untold).equal


def test_a_refusal_that_repeats_a_nul_is_read_past(new_ledger: Callable[..., Settings]) -> None:
    """A replay from the middle looks into every result after it."""
    ledger = Ledger(new_ledger(partitions=1), SEED)
    (wallet,) = replays.wallets_of(ledger, 1)
    odd = {"specversion": "1.0", "id": "odd", "source": "/test", "type": "no\0ne", "data": {}}
    ledger.send(Said(wallet.encode(), json.dumps(odd).encode(), []))
    ledger.send(ledger.command("deposit", wallet, amount="3.00"))
    hands_of(ledger.settings).work()
    with rows(
        ledger.settings, "SELECT count(*) FROM commands WHERE result LIKE '%%u0000%%'"
    ) as found:
        assert found == [(1,)]
    wish = Wish("from_the_second", start=From(offsets={0: 1}))
    assert into(ledger.settings, wish, untold).equal


def test_a_partition_that_nobody_else_touches_is_replayed_alone(
    new_ledger: Callable[..., Settings],
) -> None:
    """Held against the logs, and the tables whose rows are the partition's; no other is needed."""
    ledger = Ledger(new_ledger(partitions=2), SEED)
    wallets = replays.wallets_of(ledger, 4)
    hands_of(ledger.settings).work()
    for log_only in (False, True):
        wish = Wish("a_partition", fresh=log_only, log_only=log_only, partitions=frozenset({1}))
        outcome = into(ledger.settings, wish, untold)
        assert outcome.equal, outcome.differences
        assert (outcome.commands, outcome.compared["results"]) == (4, 4)
        counted = {name: table.rows for name, table in outcome.tables.items() if table.rows}
        assert counted == ({} if log_only else {"wallets": 2, "commands": 4, "partitions": 1})
    payer, payee = wallets[:2]
    ledger.send(ledger.command("transfer", payer, to_wallet_id=payee, amount="1.00"))
    ledger.send(ledger.command("deposit", payee, amount="1.00"))
    hands_of(ledger.settings).work()
    with pytest.raises(Failure, match=f"waits for wallet {payee} at 3"):
        into(ledger.settings, Wish("a_partition", fresh=True, partitions=frozenset({1})), untold)


def _balances(settings: Settings) -> dict[str, int]:
    with rows(settings, "SELECT wallet_id::text, balance_minor FROM wallets") as found:
        return {wallet_id: int(balance) for wallet_id, balance in found}
