"""kill -9 at every named point of the commit protocol and at random: nothing lost or doubled."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.kills import die_at_each, drawn_faults
from tests.ledgers import Ledger, opening, storm, tell
from tests.loads import Load, pause
from tests.workers import Workers

pytestmark = [pytest.mark.fault, pytest.mark.integration]

SEED = 20261120
SILENCE_SECONDS = 12.0
"""8 s on a quiet machine (FAULTS.md); this one may be busy with others' tests."""


def test_a_kill_at_every_named_point(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """Six lives end at the n-th pass of a point each; the seventh finishes what was begun."""
    settings = new_ledger(batch_max=20)
    ledger = Ledger(settings, SEED)
    faults = drawn_faults(ledger, SEED)
    wallets = [ledger.new_id() for _ in range(12)]
    ledger.send(*opening(ledger, wallets), *storm(ledger, wallets, 1200))
    with Workers(settings, tmp_path) as workers:
        die_at_each(workers, faults)
        died = time.monotonic()
        findings = ledger.verify()
        tell(f"done {time.monotonic() - died:.1f} s after the last kill")
    assert findings.counts["results"] + findings.counts["repeated"] == ledger.sent


def test_kills_at_random_under_load(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """Two workers, killed at any moment and started again at once, while commands keep coming."""
    seed = SEED + 100
    settings = new_ledger(batch_max=100)
    ledger = Ledger(settings, seed)
    tell(f"seed {seed}")
    with Workers(settings, tmp_path) as workers:
        both = workers.start_and_hold("1", "2")
        with Load(ledger):
            for _ in range(5):
                pause(ledger.random.uniform(0.3, 2.0))
                ledger.random.choice(both).send_signal(signal.SIGKILL)
        stopped = time.monotonic()
        findings = ledger.verify(60)
        tell(f"{ledger.sent} commands, done {time.monotonic() - stopped:.1f} s after the last")
        assert sum(len(worker.deaths) for worker in both) >= 4
    assert findings.counts["results"] + findings.counts["repeated"] == ledger.sent


def test_silence_after_a_kill(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """A worker that dies and stays dead is silent for at most 8 s: the others take over."""
    settings = new_ledger()
    ledger = Ledger(settings, SEED + 200)
    wallets = [ledger.wallet_on(partition) for partition in range(4)]
    with Workers(settings, tmp_path) as workers:
        _, other = workers.start("1"), workers.start("2", keep=False)
        workers.await_held(count=2)
        ledger.ask(*opening(ledger, wallets))
        other.send_signal(signal.SIGKILL)
        died = time.monotonic()
        ledger.ask(*(ledger.command("deposit", wallet, amount="1.00") for wallet in wallets))
        silence = time.monotonic() - died
        tell(f"silence after a kill -9: {silence:.1f} s")
        assert silence < SILENCE_SECONDS
        ledger.verify()
