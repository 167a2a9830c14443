"""The worker processes of a copy: started when all they need is there, ready with their claims."""

import asyncio
import signal
import sys
from dataclasses import dataclass
from typing import Final

from wallet.failure import Failure
from wallet.local import processors
from wallet.local.asking import until_yes
from wallet.local.lag import LagReader, LagUnknownError
from wallet.local.leftovers import marked
from wallet.local.parts import Starter
from wallet.local.process import Process, ProcessSpec

COMMAND: Final = (sys.executable, "-m", "wallet.cli", "worker", "--slot")
LEADERS_SECONDS: Final = 30.0
CLAIM_SECONDS: Final = 120.0
"""Usually two. Seen on two processors with sixty others who want them: more than sixty."""


@dataclass(frozen=True, slots=True)
class Started:
    """Workers that were started, and the progress of every partition before that."""

    processes: list[Process]
    before: dict[int, tuple[int, int]]


async def start(starter: Starter, count: int, command: tuple[str, ...] = COMMAND) -> Started:
    """Start so many workers."""
    before = await asyncio.to_thread(starter.lag.progress)
    specs = [spec_of(starter, command, slot) for slot in range(1, count + 1)]
    return Started([await starter.supervisor.start_worker(spec) for spec in specs], before)


async def await_claims(starter: Starter, started: Started) -> None:
    """Wait until they have taken over every partition.

    On somebody else's cluster there may be other workers, who keep theirs: nothing is awaited.

    Raises:
        Failure: they did not in time.

    """
    count = len(started.processes)
    plural = "s" if count > 1 else ""
    if not starter.parts.are_ours:
        starter.telling.line(f"{count} worker{plural} started")
        return
    await _await_claims(starter, started)
    starter.telling.line(f"{count} worker{plural} took over all partitions")


async def await_leaders(lag: LagReader) -> None:
    """Wait until new topics have leaders, so that `/healthz` agrees with the word "ready".

    Raises:
        Failure: they have none in time.

    """
    try:
        await until_yes(lambda: _is_known(lag), LEADERS_SECONDS)
    except TimeoutError:
        raise Failure("the topics have no leaders; see the log of Kafka") from None


def _is_known(lag: LagReader) -> bool:
    try:
        lag.read()
    except LagUnknownError:
        return False
    return True


async def _await_claims(starter: Starter, started: Started) -> None:
    """Wait until every partition of the commands topic has a higher epoch than before."""
    partitions = starter.settings.partitions
    try:
        await until_yes(
            lambda: _are_claimed(starter.lag, partitions, started.before), CLAIM_SECONDS
        )
    except TimeoutError:
        raise Failure(
            f"the workers did not take over all partitions within {CLAIM_SECONDS:.0f} s:"
            f" {started.processes[0].last_words()}"
        ) from None


def _are_claimed(lag: LagReader, partitions: int, before: dict[int, tuple[int, int]]) -> bool:
    try:
        now = lag.progress()
    except LagUnknownError:
        return False
    epochs = [(now.get(p, (0, 0))[0], before.get(p, (0, 0))[0]) for p in range(partitions)]
    return all(epoch > earlier for epoch, earlier in epochs)


def spec_of(starter: Starter, command: tuple[str, ...], slot: int) -> ProcessSpec:
    """Describe the worker of a slot, counted from 1."""
    spec = ProcessSpec(
        name=f"worker-{slot}",
        command=(*command, str(slot)),
        environment={**starter.environment, **processors.environment_of(slot)},
        # It may be killed at any point (DESIGN.md 3): nothing is gained by asking it.
        orphan_signal=signal.SIGKILL,
    )
    return marked(spec, starter.supervisor.folder)
