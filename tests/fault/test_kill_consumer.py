"""The example of docs/CONSUMING.md, killed 20 times in the middle, has exactly the right table."""

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, opening, tell
from tests.workers import Workers, environment, rows, wait_until
from wallet.local.process import die_with_parent

pytestmark = [pytest.mark.integration, pytest.mark.fault]

ROOT = Path(__file__).parents[2]
LIVES = 20
WALLETS = 8
DEPOSITS = 1200
WAIT_SECONDS = 120.0
END_SECONDS = 30
TRUTH = """
SELECT count(*), sum(amount_minor) / 100 FROM entries
WHERE sequence > 1 AND amount_minor > 0 AND account_id = ANY(%s::uuid[])
"""


def example() -> str:
    """The example, as the page has it."""
    text = (ROOT / "docs" / "CONSUMING.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return str(found)


def table(settings: Settings) -> tuple[int, Decimal] | None:
    """What the consumer has come to: how many deposits, and their sum."""
    with rows(settings, "SELECT to_regclass('daily_deposits')") as found:
        if found[0][0] is None:
            return None
    with rows(settings, "SELECT sum(deposits), sum(total) FROM daily_deposits") as found:
        return found[0][0] and (int(found[0][0]), found[0][1])


def test_an_example_killed_20_times_has_the_right_table(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Each deposit counted once: with one commit for rows and offset there is no in between."""
    seed = random.SystemRandom().randrange(2**32)
    tell(f"seed {seed}")
    ledger = Ledger(new_ledger(), seed)
    wallets = [ledger.new_id() for _ in range(WALLETS)]
    (path := tmp_path / "example.py").write_text(example(), encoding="utf-8")
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(*opening(ledger, wallets))
        amounts = [f"{ledger.random.randint(1, 9999) / 100:.2f}" for _ in range(DEPOSITS)]
        said = [
            ledger.command("deposit", ledger.random.choice(wallets), amount=amount)
            for amount in amounts
        ]
        ledger.await_results(ledger.send(*said), WAIT_SECONDS)
    with rows(ledger.settings, TRUTH, wallets) as found:
        truth = (int(found[0][0]), found[0][1])
    assert truth[0] == DEPOSITS + WALLETS
    words = ["-m", "tests.nursery", str(path), "DailyDeposits", str(LIVES), str(seed)]
    with (tmp_path / "nursery.log").open("wb") as log:
        nursery = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment(ledger.settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            process_group=0,
            preexec_fn=die_with_parent(signal.SIGKILL, os.getpid()),  # noqa: PLW1509 - one C call
        )
    try:
        assert nursery.stdout is not None
        lines = [nursery.stdout.readline().strip() for _ in range(LIVES + 1)]
        assert lines[-1] == "left alone", (tmp_path / "nursery.log").read_text()[-3000:]
        wait_until(lambda: table(ledger.settings) == truth, WAIT_SECONDS, f"{truth} in the table")
    finally:
        nursery.terminate()
        nursery.communicate(timeout=END_SECONDS)
    assert nursery.returncode == 0
    assert table(ledger.settings) == truth
