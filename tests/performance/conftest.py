"""One lane with meters for all guards of this folder."""

from collections.abc import Callable, Iterator

import pytest

from schemas.settings import Settings
from tests.meters import COMMANDS, Desk, Instructions, Source

WARM = 3
"""Batches of each kind: a session plans a statement anew some times, then keeps a plan."""


@pytest.fixture(scope="package")
def guarded(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger for the guards alone."""
    return new_ledger()


@pytest.fixture(scope="package")
def source(guarded: Settings) -> Source:
    """Commands on the ledger's wallets; no two are the same."""
    return Source(guarded)


@pytest.fixture(scope="package")
def instructions() -> Instructions:
    """Counts in the lane's thread."""
    return Instructions()


@pytest.fixture(scope="package")
def desk(guarded: Settings, source: Source, instructions: Instructions) -> Iterator[Desk]:
    """A lane with its wallets opened and everything warm: plans, caches, pages."""
    with instructions:
        made = Desk(guarded)
        made.batch(source.opening())  # by now its thread has begun
    try:
        for _ in range(WARM):
            made.batch(source.records("sale", COMMANDS))
            made.batch(source.abroad(COMMANDS))
        yield made
    finally:
        made.close()
