"""kill -9 between the steps of withdrawals and credit requests: each is done and told once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings
from tests.kills import die_at_each, drawn_faults
from tests.ledgers import Ledger, Said, opening
from tests.workers import Workers, execute, rows

pytestmark = [pytest.mark.fault, pytest.mark.integration]

SEED = 20261121
WITHDRAWALS = 120


def _steps(ledger: Ledger, wallet: str, withdrawal_id: str) -> list[Said]:
    """An execution, and after it what the bank might say; now and then twice or too late."""
    asked = {"withdrawal_id": withdrawal_id}
    execution = ledger.command("withdrawal.execute", wallet, **asked)
    settled = ledger.command("withdrawal.settle", wallet, **asked)
    failed = ledger.command("withdrawal.fail", wallet, reason="account closed", **asked)
    unknown = ledger.command("withdrawal.review", wallet, reason="no answer", **asked)
    cancelled = ledger.command("withdrawal.cancel", wallet, **asked)
    ways = (
        [execution, settled],
        [execution, settled, settled, failed],
        [execution, failed, settled],
        [execution, unknown, failed],
        [execution, unknown, settled, cancelled],
        [cancelled, execution],
    )
    return ledger.random.choice(ways)


def _ends(ledger: Ledger, asked: list[dict[str, Any]]) -> list[Said]:
    """Three ends of each credit request, of which the first to come counts."""
    steps = ("approve", "approve", "reject") * len(asked)
    named = [(each["wallet_id"], each["credit_request"]["id"]) for each in asked for _ in range(3)]
    ends = [
        ledger.command(f"credit_request.{step}", wallet, credit_request_id=name, by=step)
        for step, (wallet, name) in zip(steps, named, strict=True)
    ]
    ledger.random.shuffle(ends)
    return ends


def test_a_kill_at_every_point_between_the_steps(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Half of the money goes to wallets on other partitions; the books balance, in transit too."""
    settings = new_ledger(batch_max=10)
    ledger = Ledger(settings, SEED)
    faults = drawn_faults(ledger, SEED)
    wallets = [ledger.new_id() for _ in range(12)]
    with Workers(settings, tmp_path) as workers:
        workers.start_and_hold("1")
        ledger.ask(*opening(ledger, wallets))
        scheduled = ledger.ask(*_schedules(ledger, wallets))
        asked = ledger.ask(
            *(ledger.command("credit_request.create", each, amount="5.00") for each in wallets * 3)
        )
    execute(settings, "INSERT INTO clock (ahead_ms) VALUES (%s)", _ms(timedelta(hours=2)))
    ids = [(each["wallet_id"], each["withdrawal"]["id"]) for each in scheduled]
    steps = [said for each in ids for said in _steps(ledger, *each)]
    ends = _ends(ledger, asked)
    while ends:
        steps.insert(ledger.random.randrange(len(steps)), ends.pop())
    ledger.send(*steps)
    with Workers(settings, tmp_path) as workers:
        die_at_each(workers, faults)
        ledger.verify()
    with rows(settings, "SELECT DISTINCT status FROM withdrawals WHERE status > 2") as ended:
        assert len(ended) == 3  # paid, failed, cancelled: every way was gone
    with rows(settings, "SELECT DISTINCT status FROM credit_requests ORDER BY status") as ended:
        assert ended == [(1,), (2,)]  # approved, rejected, and none is pending


def _schedules(ledger: Ledger, wallets: list[str]) -> list[Said]:
    random, made = ledger.random, []
    for _ in range(WITHDRAWALS):
        wallet, other = random.sample(wallets, 2)
        target = random.choice([other, "IR620960000000100324200001"])
        amount = f"{random.randint(1, 20000) / 100:.2f}"
        terms = {"amount": amount, "delay": "PT1H", "target": target}
        made.append(ledger.command("withdrawal.schedule", wallet, **terms))
    return made


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
