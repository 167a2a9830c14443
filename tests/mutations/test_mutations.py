"""Each part of the protocol is needed: without it the simulation finds a fault, for that reason."""

import pytest

from tests.mutations.catalogue import MUTATIONS, Mutation
from wallet.torture.simulation.schedule import Outcome, play, silence
from wallet.torture.simulation.turns import Threads
from wallet.torture.simulation.world import Plan

MOST = 20_000
"""Schedules within which a planted fault is to be found; most are within a hundred."""


@pytest.mark.timeout(600)  # MOST schedules, where a change of the protocol made the hints stale
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_taken_out_is_missed(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation fails, and tells what this part is there for."""
    mutation.patch(monkeypatch)
    found = _first_failure(mutation)
    assert found is not None, f"{MOST} schedules went well without: {mutation.name}"
    assert any(word in wrong for wrong in found.wrong for word in mutation.expected), found.wrong


def _first_failure(mutation: Mutation) -> Outcome | None:
    """Look where it was found when this was written, then from the first seed on."""
    with silence(), Threads() as threads:
        for seed in (mutation.hint, *range(MOST)):
            outcome = play(Plan.of(seed), threads, mutation.parts)
            if outcome.wrong:
                return outcome
    return None
