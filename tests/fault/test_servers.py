"""Broken servers under load: the broker killed, PostgreSQL restarted, its backends ended."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from schemas.settings import Settings
from tests.crashes import crash
from tests.ledgers import Ledger, tell
from tests.loads import Load, pause
from tests.stacks import Stack
from tests.workers import Worker, Workers, execute

pytestmark = [pytest.mark.fault, pytest.mark.integration]

SEED = 20261122


class Standing(NamedTuple):
    """A ledger with two workers that outlive, or are restarted after, what the tests break."""

    ledger: Ledger
    workers: list[Worker]

    def survive(self, breaking: Callable[[], None]) -> None:
        """Load, the fault in the middle of it, and a verdict that is clean."""
        before = [len(worker.deaths) for worker in self.workers]
        with Load(self.ledger, per_second=300):
            pause(0.5)
            began = time.monotonic()
            breaking()
            pause(0.5)
        findings = self.ledger.verify(90)
        took = time.monotonic() - began
        deaths = [w.deaths[n:] for w, n in zip(self.workers, before, strict=True)]
        tell(f"{self.ledger.sent} commands done {took:.1f} s after the fault; deaths {deaths}")
        counts = findings.counts
        assert counts["results"] + counts["repeated"] == self.ledger.sent


@pytest.fixture(scope="module")
def standing(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standing]:
    """One ledger for all faults of this module, one after the other."""
    ledger = Ledger(new_ledger(), SEED)
    tell(f"seed {SEED}")
    with Workers(ledger.settings, tmp_path_factory.mktemp("servers")) as workers:
        yield Standing(ledger, workers.start_and_hold("1", "2"))


def test_the_broker_is_killed(
    stack: Stack,
    settings: Settings,
    standing: Standing,
) -> None:
    """Without a word, as by kill -9; its supervisor starts it again."""
    standing.survive(lambda: crash(stack, "kafka", settings))


def test_postgres_is_restarted_at_once(
    stack: Stack,
    settings: Settings,
    standing: Standing,
) -> None:
    """The immediate shutdown, as a crash: no goodbye to anybody, recovery from the log."""
    standing.survive(lambda: crash(stack, "postgres", settings))


def test_backends_are_ended_in_the_middle(standing: Standing) -> None:
    """Sessions ended while they commit: the database is asked whether it happened."""

    def end() -> None:
        for _ in range(3):
            execute(
                standing.ledger.settings,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE '%% lane-%%'"
                " AND pid <> pg_backend_pid()",
            )
            pause(1.0)

    standing.survive(end)
