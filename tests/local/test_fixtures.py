"""The suite's own fixtures: a real Kafka and PostgreSQL, and ledgers that do not meet."""

from collections.abc import Callable

import psycopg2
import pytest

from schemas.settings import Settings
from wallet import topics
from wallet.failure import Failure

pytestmark = pytest.mark.integration


def test_a_fresh_ledger_has_tables_and_topics_of_its_own(
    fresh_ledger: Settings, new_ledger: Callable[..., Settings]
) -> None:
    """Two ledgers share the servers and nothing else."""
    other = new_ledger(partitions=2)
    assert other.database_url != fresh_ledger.database_url
    found = topics.client(other).list_topics(timeout=10).topics
    assert len(found[other.topics.commands.name].partitions) == 2
    assert len(found[fresh_ledger.topics.commands.name].partitions) == 4
    connection = psycopg2.connect(other.database_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM partitions")
        assert cursor.fetchone() == (0,)
    connection.close()


def test_topics_are_applied_once(fresh_ledger: Settings) -> None:
    """Applying again makes nothing."""
    assert topics.apply(fresh_ledger, 10.0) == ()


def test_another_partition_count_is_refused(fresh_ledger: Settings) -> None:
    """The count is fixed for a topic's life; the message names the setting that fits."""
    grown = fresh_ledger.model_copy(update={"partitions": 8})
    with pytest.raises(Failure, match=r"has 4 partitions.*WALLET_PARTITIONS=4"):
        topics.apply(grown, 10.0)
