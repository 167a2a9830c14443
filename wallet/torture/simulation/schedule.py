"""One schedule from its seed to the auditor's verdict."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from wallet.torture.simulation import evidence
from wallet.torture.simulation.turns import Threads
from wallet.torture.simulation.world import Parts, Plan, Stuck, World


class Outcome(NamedTuple):
    """What became of a schedule. `wrong` is empty where every invariant holds."""

    plan: Plan
    wrong: tuple[str, ...]
    steps: int
    commands: int
    faults: tuple[str, ...]
    deadlocks: int
    trace: tuple[tuple[str, str], ...]
    """Who did what, step by step; only of schedules that went wrong."""


@contextmanager
def silence() -> Iterator[None]:
    """Keep the ledger's log quiet: thousands of workers die here on purpose."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(*_: object) -> str:
    raise structlog.DropEvent


def play(plan: Plan, threads: Threads, parts: Parts | None = None) -> Outcome:
    """Let a schedule happen, and judge what it leaves behind."""
    world = World(plan, threads, parts or Parts())
    wrong: tuple[str, ...] = ()
    try:
        world.run()
    except Stuck as stuck:
        wrong = (f"stuck: {stuck}",)
    else:
        wrong = tuple(world.wrongs)
    if not wrong:
        findings = evidence.judge(world)
        wrong = tuple(
            f"{name}: {one.what} at {one.where}: expected {one.expected}, found {one.found}"
            for name, invariant in findings.invariants.items()
            for one in invariant.first
        )
    return Outcome(
        plan,
        wrong,
        len(world.trace),
        sum(len(world.commands(partition)) for partition in range(world.settings.partitions)),
        tuple(world.weather.struck),
        world.database.deadlocks,
        tuple(world.trace) if wrong else (),
    )
