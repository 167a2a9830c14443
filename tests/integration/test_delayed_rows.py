"""How the delayed consumer reads the tables: by one index each, whatever is in them."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from consumers.delayed.rows import DUE, STATES, Rows, reader
from consumers.delayed.window import START, Due, Page
from schemas.settings import Settings
from tests.workers import execute, rows

pytestmark = pytest.mark.integration

COUNT = 200_000
FILL = """
INSERT INTO withdrawals (withdrawal_id, wallet_id, amount_minor, due_at, changed_at, partition,
                         status, currency)
SELECT gen_random_uuid(), gen_random_uuid(), 100, now() + due, now(), 1, status, 'IRR'
FROM (SELECT CASE WHEN g %% 10 = 0 THEN interval '1 hour' ELSE g * interval '7 ms' END AS due,
             CASE WHEN g %% 3 = 0 THEN 3 ELSE 0 END AS status
      FROM generate_series(1, %s) AS g) AS made
"""


@pytest.fixture(scope="module")
def filled(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger with many withdrawals, a tenth of them at the same instant, never analysed."""
    made = new_ledger()
    execute(made, "ALTER TABLE withdrawals SET (autovacuum_enabled = off)")
    execute(made, FILL, COUNT)
    return made


def plan(settings: Settings, query: str, *given: object) -> list[dict[str, Any]]:
    """The nodes of the plan that the consumer's own connection would use."""
    with closing(reader(settings)) as asking:
        (row,) = asking.rows("EXPLAIN (FORMAT JSON) " + query, given)
    found = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(_nodes(found[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from _nodes(below)


@pytest.mark.parametrize("is_analysed", [False, True], ids=["without statistics", "with them"])
@pytest.mark.parametrize("ahead", [timedelta(), timedelta(hours=1), timedelta(days=400)])
def test_a_page_is_one_range_of_the_index(
    filled: Settings, ahead: timedelta, *, is_analysed: bool
) -> None:
    """No sort, no filter, no other way: at the beginning, in the middle, and behind the end."""
    if is_analysed:
        execute(filled, "ANALYZE withdrawals")
    now = datetime.now(UTC)
    given = (1, now + ahead + timedelta(minutes=1), now + ahead, START[1], 1000)
    limit, scan = plan(filled, DUE, *given)
    assert limit["Node Type"] == "Limit"
    assert scan["Node Type"] == "Index Scan"
    assert scan["Index Name"] == "withdrawals_due"
    assert "Filter" not in scan
    for condition in ("partition = 1", "ROW(due_at, withdrawal_id) > ROW(", "due_at <"):
        assert condition in scan["Index Cond"]


def test_states_are_looked_up_by_key(filled: Settings) -> None:
    """Neither table is read as a whole."""
    given = ["00000000-0000-0000-0000-000000000000"]
    scans = {
        node["Index Name"] for node in plan(filled, STATES, given, given) if "Index Name" in node
    }
    assert scans == {"withdrawals_pkey", "commands_pkey"}


def test_the_pages_are_all_rows_in_order(filled: Settings) -> None:
    """Each once, over page ends in the middle of an instant, to the microsecond."""
    reader = Rows(filled)
    horizon = reader.look().now_us + 30 * 86_400_000_000
    page, found = Page(1, START, horizon, 4999), list[Due]()
    while read := reader.page(page):
        found += read
        page = page._replace(after=read[-1].key)
    assert reader.page(Page(0, START, horizon)) == []
    reader.close()
    query = (
        "SELECT withdrawal_id::text FROM withdrawals WHERE status = 0"
        " ORDER BY due_at, withdrawal_id"
    )
    with rows(filled, query) as expected:
        assert [due.withdrawal_id for due in found] == [row[0] for row in expected]
    assert [due.key for due in found] == sorted(due.key for due in found)


def test_a_page_ends_before_its_horizon(filled: Settings) -> None:
    """What is due at that very instant belongs to the next."""
    reader = Rows(filled)
    first = reader.page(Page(1, START, 2**53, 3))
    before = reader.page(Page(1, START, first[1].due_at_us))
    reader.close()
    assert before == first[:1]


def test_the_clock_is_the_databases(fresh_ledger: Settings) -> None:
    """And the development clock is what was moved, all together."""
    reader = Rows(fresh_ledger)
    look = reader.look()
    assert look.ahead_us == 0
    assert abs(look.now_us / 1e6 - datetime.now(UTC).timestamp()) < 60
    execute(fresh_ledger, "INSERT INTO clock (ahead_ms) VALUES (5000), (7000)")
    assert reader.look().ahead_us == 7_000_000
    reader.close()


def test_a_broken_connection_is_made_anew(fresh_ledger: Settings) -> None:
    """The error is told once; the next question has a new connection."""
    reader = Rows(fresh_ledger)
    reader.look()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
    execute(fresh_ledger, ended, f"{fresh_ledger.application} delayed%")
    with pytest.raises(psycopg2.OperationalError):
        reader.look()
    assert reader.look().now_us > 0
    reader.close()
