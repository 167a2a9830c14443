"""A replay where retention has taken all results of a partition: what is still known, and what not.

Commands and results are kept for days, so a partition that nobody has used for longer has none.
"""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.settings import Settings
from tests import replays
from tests.hands import hands_of
from tests.ledgers import Ledger
from tests.topics import cut
from wallet.replay import databases
from wallet.replay.cutting import From
from wallet.replay.run import Wish, into

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
    ledger.send(ledger.command("withdraw", wallet, amount="900.00"))
    hands.of[0].batch(is_published=False)
    ledger.send(ledger.command("deposit", ledger.wallet_on(1), amount="5.00"))
    hands.of[1].batch()
    said = said_again(second_of(ledger, "stored_only", 3))
    assert [(each["command"]["offset"], each["status"]) for each in said] == [(5, "rejected")]
