"""How many schedules it takes until each planted fault is found, from seed 0 on.

    python -m tests.mutations

A line for each: its name, the schedules played, and what the auditor said of the last one.
"""

import sys

import pytest

from tests.mutations.catalogue import MUTATIONS, Mutation
from wallet.torture.simulation.schedule import Outcome, play, silence
from wallet.torture.simulation.turns import Threads
from wallet.torture.simulation.world import Plan

MOST = 20_000


def first_failure(mutation: Mutation) -> Outcome | None:
    """The first schedule that goes wrong without this part; None if MOST go well."""
    with pytest.MonkeyPatch.context() as patch, silence(), Threads() as threads:
        mutation.patch(patch)
        for seed in range(MOST):
            outcome = play(Plan.of(seed), threads, mutation.parts)
            if outcome.wrong:
                return outcome
    return None


def main() -> int:
    """Exit code 1 when one of them is not found."""
    lost = 0
    for mutation in MUTATIONS:
        found = first_failure(mutation)
        lost += found is None
        told = f"{found.plan.seed + 1:6,}  {found.wrong[0]}" if found else f"  none of {MOST:,}"
        sys.stdout.write(f"{mutation.name:20}{told}\n")
        sys.stdout.flush()
    return min(lost, 1)


if __name__ == "__main__":
    raise SystemExit(main())
