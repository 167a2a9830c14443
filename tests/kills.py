"""A worker that is killed at every named point of a batch, one life after the other."""

import signal
from collections.abc import Sequence

from streams.faults import POINTS
from tests.ledgers import Ledger, tell
from tests.workers import Workers


def drawn_faults(ledger: Ledger, seed: int) -> list[str]:
    """Every point once, at one of its first passes, in any order; the seed is told."""
    faults = [f"{point}:{ledger.random.randint(2, 4)}" for point in POINTS]
    ledger.random.shuffle(faults)
    tell(f"seed {seed}: {faults}")
    return faults


def die_at_each(workers: Workers, faults: Sequence[str]) -> None:
    """Start a worker that dies at each; the life after the last is left to finish the work."""
    worker = workers.start("1", *faults)
    for count in range(1, len(faults) + 1):
        code = worker.await_death(count=count)
        assert code == -signal.SIGKILL, f"{code} after {faults[:count]}\n{worker.said[-6000:]}"
