"""`wallet bench drain`: commands a second from a preloaded topic to read_committed results."""

import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, NamedTuple

import stamina.instrumentation

from producers import load
from schemas.settings import Settings
from wallet import migrate
from wallet.bench.counting import Count, Counter
from wallet.bench.processes import WORKER, Process, worker_process
from wallet.bench.scratch import scratch_ledger

Tell = Callable[[str], None]

ANSWER_SECONDS: Final = 5.0


class Arm(NamedTuple):
    """One drain: what was counted, and the most memory its process had, in MB."""

    seen: Count
    memory_mb: float
    processor_seconds: float


class Drained(NamedTuple):
    """What `wallet bench drain` says; speeds are medians over the runs."""

    commands: int
    wallets: int
    mix: str
    workers: int
    runs: int
    commands_per_second: float
    steady_per_second: float
    bare_loop_per_second: float
    ratio_to_bare_loop: float
    worker_memory_mb: float
    worker_cpu_us_per_command: float
    spread_percent: float
    """Between the slowest and the fastest run: how noisy the machine was."""


def drain(  # noqa: PLR0913 - the options of the command, by name
    settings: Settings,
    *,
    commands: int,
    wallets: int,
    mix: str,
    workers: int,
    runs: int,
    seed: int,
    tell: Tell,
) -> Drained:
    """Measure the ledger and the bare loop in turn, each on a scratch ledger of its own."""
    stamina.instrumentation.set_on_retry_hooks(())  # they would write between the lines of --json
    migrate.wait_until_answers(settings.database_url, ANSWER_SECONDS, tell)
    ours: list[Arm] = []
    bare: list[Arm] = []
    for run in range(runs):
        given = load.Load(seed + run, wallets)
        tell(f"run {run + 1} of {runs}: the ledger")
        ours.append(_arm(settings, given, commands, mix, workers_of(workers)))
        given = load.Load(seed + run, wallets)
        tell(f"run {run + 1} of {runs}: the bare loop")
        # It knows no transfer: half of their work is on the same rows.
        bare.append(_arm(settings, given, commands, "hot" if mix == "hot" else "sale", [BARE]))
    speeds = [arm.seen.results / arm.seen.seconds for arm in ours]
    yardstick = [arm.seen.results / arm.seen.seconds for arm in bare]
    ratios = [mine / theirs for mine, theirs in zip(speeds, yardstick, strict=True)]
    speed = statistics.median(speeds)
    return Drained(
        commands,
        wallets,
        mix,
        workers,
        runs,
        round(speed),
        round(statistics.median(arm.seen.steady_per_second for arm in ours)),
        round(statistics.median(yardstick)),
        round(statistics.median(ratios), 3),
        round(max(arm.memory_mb for arm in ours), 1),
        round(1e6 * statistics.median(arm.processor_seconds for arm in ours) / commands, 1),
        round(100 * (max(speeds) - min(speeds)) / speed, 1),
    )


BARE: Final = (sys.executable, "-m", "wallet.bench.bare")


def workers_of(count: int) -> list[Process]:
    """The commands of so many workers."""
    return [(*WORKER, f"bench-{slot}") for slot in range(1, count + 1)]


def _arm(
    settings: Settings, given: load.Load, commands: int, mix: str, processes: list[Process]
) -> Arm:
    with scratch_ledger(settings, "bench") as ledger:
        open_wallets(ledger, given)
        load.send(ledger, given.commands(commands, mix))
        counter = Counter(ledger)
        try:
            with ExitStack() as stack:
                watches = [
                    stack.enter_context(worker_process(ledger, argv, slot))
                    for slot, argv in enumerate(processes, 1)
                ]
                seen = counter.count(commands)
                seconds = sum(watch.processor_seconds for watch in watches)
                return Arm(seen, max(watch.most_mb for watch in watches), seconds)
        finally:
            counter.close()


def open_wallets(ledger: Settings, given: load.Load) -> None:
    """Make the wallets through the ledger itself, before the clock runs."""
    counter = Counter(ledger)
    try:
        sent = load.send(ledger, given.opening())
        with worker_process(ledger, workers_of(1)[0], 1):
            counter.count(sent)
    finally:
        counter.close()
