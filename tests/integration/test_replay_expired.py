"""A replay where retention has taken all results of a partition: what is still known, and what not.

Commands and results are kept for days, so a partition that nobody has used for longer has none.
"""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.settings import Settings
from tests import replays
from tests.hands import hands_of
from tests.ledgers import Ledger, Said
from tests.topics import alter, cut
from wallet.failure import Failure
from wallet.replay import databases
from wallet.replay.cutting import From
from wallet.replay.run import Wish, catch_up, into

pytestmark = pytest.mark.integration

SEED = 20261128


def untold(_stage: str, _done: int, _total: int) -> None:
    """Nobody waits."""


@pytest.fixture
def ledger(new_ledger: Callable[..., Settings]) -> Ledger:
    """Two partitions."""
    return Ledger(new_ledger(partitions=2), SEED)


def rested(ledger: Ledger) -> list[str]:
    """Have four batches done on partition 0, then a third command on partition 1; the wallets."""
    wallets = replays.wallets_of(ledger, 2)
    hands = hands_of(ledger.settings)
    hands.work()
    for _ in range(3):
        ledger.send(ledger.command("deposit", wallets[0], amount="3.00"))
        hands.work()
    ledger.send(ledger.command("deposit", wallets[1], amount="5.00"))
    hands.work()
    return wallets


def forget(ledger: Ledger) -> None:
    """Take all results of partition 0, as retention does."""
    cut(ledger.settings, ledger.settings.topics.results, (0, -1))


def answered(ledger: Ledger, said: Said) -> None:
    """Have a command done whose result then expires with all others of partition 0."""
    ledger.send(said)
    hands_of(ledger.settings).work()
    forget(ledger)


def too_much(ledger: Ledger, wallet: str) -> Said:
    """A command that is refused: the money is not there."""
    terms = {"amount": "99999.00", "phone_number": "+989120000000"}
    return ledger.command("charge_sale", wallet, **terms)


def second_of(ledger: Ledger, name: str, start: int) -> Settings:
    """Make a second ledger from a command of partition 1 on, after which there is none on 0."""
    assert into(ledger.settings, Wish(name, start=From(offsets={1: start})), untold).equal
    return databases.beside(ledger.settings, name)


def said_again(settings: Settings) -> list[dict[str, Any]]:
    """The results on partition 0, after a claim of all partitions."""
    hands_of(settings)
    return [each for each in Ledger(settings).results() if each["command"]["partition"] == 0]


def test_a_second_ledger_in_service_says_only_the_newest_batch_again(ledger: Ledger) -> None:
    """It knows of the first one how far results were published, though no log tells that now."""
    rested(ledger)
    forget(ledger)
    said = said_again(second_of(ledger, "in_service", 2))
    assert [each["command"]["offset"] for each in said] == [4], "of it a claim cannot know"


def test_a_second_ledger_in_service_says_what_the_first_has_not(ledger: Ledger) -> None:
    """A refusal has no event: nothing in the log tells that it was stored and never published."""
    (wallet, _) = rested(ledger)
    hands = hands_of(ledger.settings)
    forget(ledger)
    ledger.send(too_much(ledger, wallet))
    hands.of[0].batch(is_published=False)
    ledger.send(ledger.command("deposit", ledger.wallet_on(1), amount="5.00"))
    hands.of[1].batch()
    said = said_again(second_of(ledger, "stored_only", 3))
    assert [(each["command"]["offset"], each["status"]) for each in said] == [(5, "rejected")]


def backed_up(ledger: Ledger, name: str) -> tuple[Settings, str]:
    """A copy of the database after some work, of which no result is kept on 0; its wallet there."""
    (wallet, _) = rested(ledger)
    return replays.copied(ledger.settings, name), wallet


def refused(settings: Settings) -> str:
    """Why a catch-up is refused."""
    with pytest.raises(Failure) as error:
        catch_up(settings, untold, dry_run=False)
    return str(error.value)


def test_a_command_that_nobody_has_done_holds_nothing_up(ledger: Ledger) -> None:
    """It is younger than the oldest result that would be kept: had it one, that would be there."""
    backup, wallet = backed_up(ledger, "undone")
    forget(ledger)
    ledger.send(ledger.command("deposit", wallet, amount="7.00"))
    outcome = catch_up(backup, untold, dry_run=False)
    assert (outcome.commands, outcome.partitions[0].end) == (0, 5)


def test_events_that_came_from_elsewhere_hold_nothing_up(ledger: Ledger) -> None:
    """A partition was at rest, but others paid wallets of it: its log has more than the backup."""
    backup, wallet = backed_up(ledger, "paid_from_elsewhere")
    other = ledger.wallet_on(1)
    ledger.send(ledger.command("wallet.create", other))
    ledger.send(ledger.command("deposit", other, amount="2.00"))
    ledger.send(ledger.command("transfer", other, to_wallet_id=wallet, amount="1.00"))
    hands_of(ledger.settings).work()
    forget(ledger)
    ledger.send(ledger.command("deposit", wallet, amount="7.00"))
    assert catch_up(backup, untold, dry_run=False).commands == 3


def test_commands_that_have_events_were_answered(ledger: Ledger) -> None:
    """Whatever the topics' settings say: events are kept, and tell of commands after the backup."""
    backup, wallet = backed_up(ledger, "has_events")
    answered(ledger, ledger.command("deposit", wallet, amount="7.00"))
    assert "commands from 5 on have expired. Restore a younger backup" in refused(backup)


def test_commands_older_than_results_may_have_been_answered(ledger: Ledger) -> None:
    """A refusal has no event, so nothing is left of it; a worker would decide it anew."""
    backup, wallet = backed_up(ledger, "all_refused")
    answered(ledger, too_much(ledger, wallet))
    alter(ledger.settings, ledger.settings.topics.results.name, {"retention.ms": "1000"})
    assert "commands from 5 on have expired. Restore a younger backup" in refused(backup)


def test_commands_that_have_expired_may_have_been_answered(ledger: Ledger) -> None:
    """The offset is told that a backup must have come to."""
    backup, wallet = backed_up(ledger, "expired")
    answered(ledger, too_much(ledger, wallet))
    cut(ledger.settings, ledger.settings.topics.commands, (0, -1))
    assert "Restore a backup that has come to 6 at least" in refused(backup)


@pytest.mark.parametrize("is_gone", [True, False], ids=["commands gone", "commands kept"])
def test_a_log_that_is_gone_proves_nothing(ledger: Ledger, *, is_gone: bool) -> None:
    """One partition, from the logs alone: it is not equal to nothing."""
    rested(ledger)
    forget(ledger)
    if is_gone:
        cut(ledger.settings, ledger.settings.topics.commands, (0, -1))
    wish = Wish("of_nothing", fresh=True, log_only=True, partitions=frozenset({0}))
    with pytest.raises(Failure, match="have expired"):
        into(ledger.settings, wish, untold)
    wish = Wish("of_the_other", fresh=True, log_only=True, partitions=frozenset({1}))
    assert into(ledger.settings, wish, untold).commands == 3
