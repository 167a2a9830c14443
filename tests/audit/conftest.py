"""A sound ledger, answered but not yet written, so that a test can damage it first."""

from collections.abc import Callable

import pytest

from schemas.settings import Settings
from tests.audit.mixture import Mixture
from tests.audit.writer import Ledger, learn

COUNT = 150


@pytest.fixture
def mixture() -> Mixture:
    """What is sent: everything there is, from one seed, on few wallets."""
    return Mixture(7, partitions=2, wallets=8)


@pytest.fixture
def ledger(new_ledger: Callable[..., Settings], mixture: Mixture) -> Ledger:
    """Some three hundred commands; the last half of them on what is known by then."""
    ledger = Ledger(new_ledger(partitions=mixture.partitions))
    ledger.take(mixture.opening() + mixture.schedules() + mixture.asks())
    learn(mixture, ledger)
    ledger.take(mixture.lives() + mixture.ends())
    ledger.take(mixture.records(COUNT))
    known = len(mixture.withdrawals)
    ledger.take(mixture.too_much())
    learn(mixture, ledger)
    ledger.take([mixture.step("execute", *each) for each in mixture.withdrawals[known:]])
    ledger.take(mixture.abroad())
    ledger.take(mixture.exchanges())
    return ledger
