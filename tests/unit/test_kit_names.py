"""A consumer of events has a name that is its own."""

import threading
from collections.abc import Sequence

import pytest
from psycopg2.extensions import cursor

from consumers.balances import process as balances
from consumers.delayed import process as delayed
from consumers.kit.projection import LEDGERS_OWN, Projection
from consumers.kit.reading import Told
from consumers.kit.running import Running
from consumers.receipts import following as receipts
from consumers.withdrawals import following as bank
from schemas.settings import Settings


def test_the_groups_of_the_ledgers_own_processes_are_taken() -> None:
    """Each of them."""
    groups = {balances.GROUP, bank.GROUP, delayed.GROUP, receipts.GROUP}
    assert groups < LEDGERS_OWN


@pytest.mark.parametrize("taken", sorted(LEDGERS_OWN))
def test_a_name_that_is_taken_is_refused(taken: str) -> None:
    """Before the group is joined: the bank caller would be put out of it, and nobody be paid."""

    class Mine(Projection):
        name = taken

        def apply(self, cursor: cursor, events: Sequence[Told]) -> None:
            raise AssertionError("it reads nothing", cursor, events)

    with pytest.raises(ValueError, match=f"{taken!r} is the group of a process"):
        Running(Mine(), Settings(), "1", threading.Event())
