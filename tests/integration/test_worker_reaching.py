"""What a worker looks at before it begins: the number of partitions, and how commands are kept."""

from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from schemas.identifiers import partition_of
from schemas.settings import Settings
from streams import reaching
from streams.reaching import UnreadyError, other_count
from tests.ledgers import Ledger
from tests.shell import Shell
from tests.topics import alter
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


@pytest.mark.parametrize(
    ("setting", "is_now"),
    [("message.timestamp.type", "CreateTime"), ("cleanup.policy", "compact")],
)
def test_commands_that_are_kept_otherwise_are_waited_for(
    new_ledger: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    is_now: str,
) -> None:
    """Nothing may be decided by a producer's clock, or past commands that are compacted away."""
    monkeypatch.setattr(reaching, "PATIENCE_SECONDS", 0.1)
    settings = new_ledger(partitions=1)
    reaching.await_broker(settings)
    alter(settings, settings.topics.commands.name, {setting: is_now})
    said = f"{setting}={is_now} instead of .*: `wallet topics plan`"
    with pytest.raises(UnreadyError, match=said):
        reaching.await_broker(settings)
    assert Shell(settings)("topics", "apply", "--shorten").code == 0
    reaching.await_broker(settings)
