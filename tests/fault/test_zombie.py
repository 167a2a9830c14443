"""A worker stopped in the middle of its work, and woken when another has taken over (F9, F10)."""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, tell
from tests.loads import Load, pause
from tests.workers import Workers, rows, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.integration]

SEED = 20261121
FROZEN_SECONDS = 9.0
"""Longer than the session of 6 s, after which the group gives its partitions away."""


def test_a_zombie_commits_nothing(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """Stopped for 9 s under load; woken, it finds itself fenced and says so or just gives up."""
    settings = new_ledger(batch_max=20)
    ledger = Ledger(settings, SEED)
    tell(f"seed {SEED}")
    with Workers(settings, tmp_path) as workers:
        zombie = workers.start("1")
        workers.await_held()
        other = workers.start("2")
        with Load(ledger, per_second=800):
            wait_until(lambda: len(set(workers.owners().values())) == 2, 40, "two owners", other)
            pause(0.5)
            frozen_pid = zombie.pid
            zombie.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            wait_until(lambda: set(workers.owners().values()) == {"2"}, 30, "a new owner", other)
            tell(f"taken over {time.monotonic() - stopped:.1f} s after the stop")
            pause(max(0.0, FROZEN_SECONDS - (time.monotonic() - stopped)))
            before = len(zombie.said)
            zombie.send_signal(signal.SIGCONT)
            pause(2.0)
        ledger.verify(60)
        said = zombie.said[before:]
        words = [w for w in ("fenced", "parked", "claim given up", "a batch failed") if w in said]
        tell(f"the zombie said: {words}, and died {zombie.deaths}")
        assert words or zombie.pid != frozen_pid
        assert all(code == 70 for code in zombie.deaths)


def test_a_worker_frozen_in_its_transaction_is_ended(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Whoever holds the partition's row and does nothing is ended by the claim that waits."""
    settings = new_ledger()
    ledger = Ledger(settings, SEED + 1)
    with Workers(settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(ledger.command("wallet.create", ledger.wallet_on(0)))
    with closing(_holder(settings)) as holder, Workers(settings, tmp_path) as workers:
        began = time.monotonic()
        (worker,) = workers.start_and_hold()
        tell(f"claimed in {time.monotonic() - began:.1f} s")
        assert "ended a frozen owner's session" in worker.said
        ledger.ask(ledger.command("deposit", ledger.wallet_on(0), amount="1.00"))
        assert holder.closed or _is_gone(settings, holder.info.backend_pid)
        ledger.verify()


def _holder(settings: Settings) -> psycopg2.extensions.connection:
    connection = psycopg2.connect(settings.database_url)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE partitions SET owner = 'frozen' WHERE partition = 0")
    return connection


def _is_gone(settings: Settings, pid: int) -> bool:
    with rows(settings, "SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid) as found:
        return not found
