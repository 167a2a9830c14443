"""A claim has the database summarise its newest rows, which vacuum may not have come to yet."""

from collections.abc import Callable

import psycopg2
import pytest
from psycopg2 import extensions
from structlog.testing import capture_logs

from schemas.settings import Settings
from streams.claim import claim
from streams.rows import Place
from streams.summaries import INDEXES
from tests.hands import Hand
from tests.ledgers import Ledger

pytestmark = pytest.mark.integration

ENOUGH = 2500
"""Commands that fill some ranges of 16 pages of either table."""


@pytest.fixture
def ledger(new_ledger: Callable[..., Settings]) -> Ledger:
    """One with some thousand deposits on its first partition, and no vacuum."""
    made = Ledger(new_ledger(), seed=41)
    wallet = made.wallet_on(0)
    made.send(made.command("wallet.create", wallet))
    made.send(*(made.command("deposit", wallet, amount="1.00") for _ in range(ENOUGH)))
    hand = Hand(made.settings, 0)
    while hand.batch():
        pass
    return made


def unsummarised(connection: extensions.connection, index: str) -> int:
    """How many ranges had no summary; they have one now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT brin_summarize_new_values(%s::regclass)", (index,))
        return int(cursor.fetchall()[0][0])


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("is_claimed", [True, False])
def test_a_claim_leaves_nothing_to_summarise(
    ledger: Ledger, index: str, *, is_claimed: bool
) -> None:
    """Without one there is: who looks for the newest commands would read them all."""
    settings = ledger.settings
    if is_claimed:
        claim(settings, _place(settings), "test", lambda: True)
    with psycopg2.connect(settings.database_url) as connection:
        assert (unsummarised(connection, index) == 0) == is_claimed
    connection.close()


def test_a_claim_waits_for_no_vacuum(ledger: Ledger) -> None:
    """While somebody else is at a table, it goes on without."""
    settings = ledger.settings
    other = psycopg2.connect(settings.database_url)
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE commands IN SHARE UPDATE EXCLUSIVE MODE")
        with capture_logs() as told:
            held = claim(settings, _place(settings), "test", lambda: True)
    other.close()
    assert held.next_offset == ENOUGH + 1
    assert [line["index"] for line in told if line["event"] == "not summarised"] == [INDEXES[0]]


def _place(settings: Settings) -> Place:
    return Place(settings.topics.commands.name, 0, settings.partitions)
