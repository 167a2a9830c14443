"""The required scenario, played through Kafka on a real ledger."""

from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger
from tests.shell import Shell
from tests.workers import Workers

pytestmark = pytest.mark.integration


def test_two_sellers_end_with_2500000_each(fresh_ledger: Settings, tmp_path: Path) -> None:
    """10 credit increases, 1,000 sales of concurrent producers, twice; the auditor agrees."""
    wallet = Shell(fresh_ledger)
    with Workers(fresh_ledger, tmp_path) as workers:
        workers.start_and_hold()
        report = wallet("demo", "--json")
        people = wallet("demo")
    assert report.code == 0
    assert report.json["reconciled"] is True
    for seller in report.json["sellers"]:
        assert (seller["increases"], seller["sales"]) == (5, 500)
        assert (seller["balance"], seller["entries"]) == ("2500000.00", "2500000.00")
    assert report.json["completed"] == 1012
    assert report.json["latency_p50_ms"] <= report.json["latency_p99_ms"]
    assert people.code == 0
    assert people.said.count("2,500,000.00 IRR") == 6
    assert people.said.splitlines()[-1] == "reconciled"
    findings = Ledger(fresh_ledger).verify()
    assert findings.counts["results"] == 2024
