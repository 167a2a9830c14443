"""A worker does not begin on a ledger that has lived with another number of partitions."""

from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from schemas.identifiers import partition_of
from schemas.settings import Settings
from streams.reaching import other_count
from tests.ledgers import Ledger
from tests.shell import Shell
from tests.workers import execute

pytestmark = pytest.mark.integration


def test_another_number_of_partitions_is_refused(new_ledger: Callable[..., Settings]) -> None:
    """Somebody gave the topics more: the settings can follow, the wallets cannot."""
    settings = new_ledger()
    ledger = Ledger(settings)
    with closing(psycopg2.connect(settings.database_url)) as connection:
        cursor = connection.cursor()
        assert other_count(cursor, 8) is None, "without a wallet any number will do"
        for wallet in [ledger.new_id() for _ in range(20)]:
            execute(
                settings,
                "INSERT INTO wallets (wallet_id, balance_minor, sequence, updated_at, partition,"
                " status, currency) VALUES (%s, 0, 1, now(), %s, 0, 'IRR')",
                wallet,
                partition_of(wallet, 4),
            )
        connection.rollback()
        assert other_count(cursor, 4) is None
        said = other_count(cursor, 8) or ""
        assert said.startswith("the ledger was made with 4 partitions, WALLET_PARTITIONS says 8")
    done = Shell(settings.model_copy(update={"partitions": 8}))("doctor", "--json")
    found = {each["check"]: each for each in done.json["findings"] if each["level"] == "harm"}
    assert "made with 4 partitions" in found["wallets"]["what"]
    assert "WALLET_PARTITIONS" in found["wallets"]["fix"]
