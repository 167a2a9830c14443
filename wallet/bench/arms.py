"""An arm of a bench: processes that work off a topic full of commands, watched and counted."""

import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import stamina.instrumentation

from producers import load
from producers.message import Message
from schemas.settings import Settings
from wallet import migrate
from wallet.bench.counting import Count, Counter
from wallet.bench.machine import Index, spread_percent
from wallet.bench.processes import WORKER, Process, worker_process
from wallet.bench.scratch import scratch_ledger
from wallet.bench.telling import Moved, Telling
from wallet.bench.verdict import verify
from wallet.failure import Failure, Tell

BARE: Final = (sys.executable, "-m", "wallet.bench.bare")
"""The bare loop, in place of a worker."""

ANSWER_SECONDS: Final = 5.0
BUSY_PERCENT: Final = 20.0
STEP: Final = 1000
"""Commands between two moves of a bar."""


class Arm(NamedTuple):
    """One drain: what was counted, and what its processes took."""

    seen: Count
    memory_mb: float
    """The most of one process."""
    processor_seconds: float
    """Of all of them together."""


def figures_of(arms: Sequence[Arm], commands: int) -> dict[str, Any]:
    """What every bench tells of the runs of an arm; speeds are medians over them."""
    speeds = speeds_of(arms)
    used = statistics.median(arm.processor_seconds for arm in arms)
    return {
        "commands_per_second": round(statistics.median(speeds)),
        "steady_per_second": round(statistics.median(arm.seen.steady_per_second for arm in arms)),
        "slowest": round(min(speeds)),
        "fastest": round(max(speeds)),
        "spread_percent": spread_percent(speeds),
        "worker_memory_mb": round(max(arm.memory_mb for arm in arms), 1),
        "workers_cpu_us_per_command": round(1e6 * used / commands, 1),
    }


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the runs' ratios: what drifts with the machine drifts in both arms."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return round(statistics.median(ratios), 3)


def speeds_of(arms: Sequence[Arm]) -> list[float]:
    """Commands a second of each run."""
    return [arm.seen.per_second for arm in arms]


class Given(NamedTuple):
    """The commands of a drain, and whether all that came of them is audited afterwards."""

    seed: int
    wallets: int
    commands: int
    mix: str
    verify: bool = False


def begin(settings: Settings, tell: Tell) -> Index:
    """Begin a bench: wait for the database, look at the machine. Raises Failure."""
    stamina.instrumentation.set_on_retry_hooks(())  # they would write between the lines of --json
    migrate.wait_until_answers(settings.database_url, ANSWER_SECONDS, tell)
    index = Index()
    if index.others_percent > BUSY_PERCENT:
        tell(f"others use {index.others_percent:.0f} % of this machine: look at ratios only")
    return index


def workers_in_words(count: int) -> str:
    """For a chart's note."""
    return "1 worker" if count == 1 else f"{count} workers"


def workers_of(count: int) -> list[Process]:
    """The commands of so many workers."""
    return [(*WORKER, f"bench-{slot}") for slot in range(1, count + 1)]


def bare_mix(mix: str) -> str:
    """What the bare loop is given beside a mix: it knows no transfer, half of whose work it has."""
    return "hot" if mix in {"hot", "one-seller"} else "sale"


def _nothing(_ledger: Settings, _tell: Telling) -> None:
    """Happen."""


def drained(
    ledger: Settings,
    messages: Iterable[Message],
    count: int,
    processes: Sequence[Process],
    tell: Telling,
    afterwards: Callable[[Settings, Telling], None] = _nothing,
) -> Arm:
    """Fill the topic with so many commands, then start the processes and count the results.

    `afterwards` happens while the processes still run, when all figures are taken. Raises Failure
    when one of them dies on the way: it would be the speed of fewer.
    """
    with tell.bar("sending", count) as moved:
        load.send(ledger, _counted(messages, moved))
    counter = Counter(ledger)
    try:
        with ExitStack() as stack:
            watches = [
                stack.enter_context(worker_process(ledger, argv, slot))
                for slot, argv in enumerate(processes, 1)
            ]
            with tell.bar("draining", count) as moved:
                seen = counter.count(count, moved=moved)
            if not all(watch.is_running for watch in watches):
                raise Failure("a worker died while it was measured; see above, and run it again")
            for watch in watches:
                watch.look()
            seconds = sum(watch.processor_seconds for watch in watches)
            arm = Arm(seen, max(watch.most_mb for watch in watches), seconds)
            afterwards(ledger, tell)
            return arm
    finally:
        counter.close()


def scratch_drained(
    settings: Settings, given: Given, processes: Sequence[Process], tell: Telling
) -> Arm:
    """The same on a new ledger of its own, whose wallets are opened first."""
    source = load.Load(given.seed, given.wallets)
    with scratch_ledger(settings, "bench") as ledger:
        open_wallets(ledger, source)
        messages = source.commands(given.commands, given.mix)
        then = verify if given.verify else _nothing
        return drained(ledger, messages, given.commands, processes, tell, then)


def open_wallets(ledger: Settings, given: load.Load) -> None:
    """Make the wallets through the ledger itself, before the clock runs."""
    counter = Counter(ledger)
    try:
        sent = load.send(ledger, given.opening())
        with worker_process(ledger, workers_of(1)[0], 1):
            counter.count(sent)
    finally:
        counter.close()


def _counted(messages: Iterable[Message], moved: Moved) -> Iterator[Message]:
    for number, message in enumerate(messages, 1):
        yield message
        if number % STEP == 0:
            moved(number)
