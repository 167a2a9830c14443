"""A sound ledger, answered but not yet written, so that a test can damage it first."""

from collections.abc import Callable

import pytest

from schemas.settings import Settings
from tests.audit.mixture import Mixture
from tests.audit.writer import Ledger

COUNT = 120


@pytest.fixture
def mixture() -> Mixture:
    """What is sent: everything there is, from one seed, on few wallets."""
    return Mixture(7, partitions=2, wallets=8)


@pytest.fixture
def ledger(new_ledger: Callable[..., Settings], mixture: Mixture) -> Ledger:
    """Some three hundred commands; the later ones build on the earlier ones' payments."""
    ledger = Ledger(new_ledger(partitions=mixture.partitions))
    ledger.take(mixture.opening() + mixture.records(COUNT))
    books = ledger.oracle.books
    mixture.payments = [(each.payer, name) for name, each in books.payments.items()]
    mixture.withdrawals = [(each.wallet_id, name) for name, each in books.withdrawals.items()]
    ledger.take(mixture.records(COUNT))
    return ledger
