"""kill -9 among exchanges: both currencies balance, and what is told again is what was told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.kills import die_at_each, drawn_faults
from tests.ledgers import Ledger, Said
from tests.workers import Workers, rows

pytestmark = [pytest.mark.fault, pytest.mark.integration]

SEED = 20261122
EXCHANGES = 300
RATE = 162
"""Yen for a euro, so that no amount of one is an amount of the other."""


def _exchanges(ledger: Ledger, euros: list[str], yen: list[str]) -> list[Said]:
    """Both ways, between wallets of all partitions; some more than there is."""
    random, made = ledger.random, []
    for _ in range(EXCHANGES):
        whole = random.randint(1, 20)
        one, other = random.choice(euros), random.choice(yen)
        sides = [(one, f"{whole}.00"), (other, str(whole * RATE))]
        random.shuffle(sides)
        (giver, amount), (getter, to_amount) = sides
        data = {"to_wallet_id": getter, "amount": amount, "to_amount": to_amount}
        made.append(ledger.command("exchange", giver, **data))
    return made


def test_a_kill_at_every_point_among_exchanges(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """A claim tells the newest batch again from its rows, four for each exchange."""
    settings = new_ledger(batch_max=20)
    ledger = Ledger(settings, SEED)
    faults = drawn_faults(ledger, SEED)
    wallets = [ledger.new_id() for _ in range(12)]
    euros, yen = wallets[:6], wallets[6:]
    with Workers(settings, tmp_path) as workers:
        workers.start_and_hold("1")
        for held, currency, amount in ((euros, "EUR", "100.00"), (yen, "JPY", "16200")):
            ledger.ask(*(ledger.command("wallet.create", each, currency=currency) for each in held))
            ledger.ask(*(ledger.command("deposit", each, amount=amount) for each in held))
    ledger.send(*_exchanges(ledger, euros, yen))
    with Workers(settings, tmp_path) as workers:
        die_at_each(workers, faults)
        ledger.verify()
    sums = "SELECT currency, sum(balance_minor) FROM wallets GROUP BY 1 ORDER BY 1"
    with rows(settings, sums) as held_now:
        (_, cents), (_, sen) = held_now
    assert cents * RATE + sen * 100 == 2 * 6 * 10_000 * RATE, "at one rate nothing is gained"
    with rows(settings, "SELECT count(*) FROM entries WHERE sequence IS NULL") as found:
        # How many are done depends on which partition is worked off first: 177 at the least, in
        # two thousand draws of their order.
        assert found[0][0] > EXCHANGES, "each that was done has two rows of the world"
