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
    """Some three hundred commands; the last half of them on withdrawals and payments known."""
    ledger = Ledger(new_ledger(partitions=mixture.partitions))
    ledger.take(mixture.opening() + mixture.schedules())
    learn(mixture, ledger)
    ledger.take(mixture.lives())
    ledger.take(mixture.records(COUNT))
    return ledger
