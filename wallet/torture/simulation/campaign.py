"""Many schedules, one seed after another, on all processors; what fails is made small."""

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

from msgspec import Struct, field

from wallet.torture.simulation.schedule import Outcome, play, silence
from wallet.torture.simulation.turns import Threads
from wallet.torture.simulation.world import Parts, Plan

CHUNK: Final = 100
"""Schedules that a process plays in one piece: a second of work."""

FAILURES_KEPT: Final = 3
SHRINK_SEEDS: Final = 150
"""Seeds tried at each smaller number of commands."""

GARBAGE_EVERY: Final = 50_000
"""New objects between two looks of the collector: a schedule leaves some cycles behind."""

Piece = tuple[int, int, int | None]
"""First seed, number of schedules, commands in each."""


class Tally(Struct):
    """What has been played so far. `failures` are the first that went wrong."""

    schedules: int = 0
    steps: int = 0
    commands: int = 0
    deadlocks: int = 0
    wrong: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    def take(self, outcome: Outcome) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.steps += outcome.steps
        self.commands += outcome.commands
        self.deadlocks += outcome.deadlocks
        self.faults.update(outcome.faults)
        if outcome.wrong:
            self.wrong += 1
            self.failures.append(outcome)
            self._keep_first()

    def add(self, other: "Tally") -> None:
        """Count what another process has played."""
        self.schedules += other.schedules
        self.steps += other.steps
        self.commands += other.commands
        self.deadlocks += other.deadlocks
        self.wrong += other.wrong
        self.faults.update(other.faults)
        self.failures += other.failures
        self._keep_first()

    def _keep_first(self) -> None:
        self.failures.sort(key=lambda outcome: outcome.plan.seed)
        del self.failures[FAILURES_KEPT:]

    def as_json(self) -> dict[str, Any]:
        """The figures for a program."""
        return {
            "ok": not self.wrong,
            "schedules": self.schedules,
            "steps": self.steps,
            "commands": self.commands,
            "faults": dict(self.faults.most_common()),
            "deadlocks": self.deadlocks,
            "wrong": self.wrong,
            "seconds": round(self.seconds, 1),
            "failures": [
                {"seed": one.plan.seed, "commands": one.plan.commands, "wrong": list(one.wrong)}
                for one in self.failures
            ],
        }


def run(seed: int, schedules: int, commands: int | None, progress: Callable[[int], None]) -> Tally:
    """Play schedules from a seed on; `progress` hears how many are done."""
    began = time.monotonic()
    tally = Tally()
    for part in _played(list(_pieces(seed, schedules, commands))):
        tally.add(part)
        progress(tally.schedules)
    tally.seconds = time.monotonic() - began
    return tally


def _played(pieces: list[Piece]) -> Iterator[Tally]:
    """Play the pieces: a single one here, more of them on all processors."""
    if len(pieces) == 1:
        yield _piece(pieces[0])
        return
    with ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn")) as pool:
        yield from pool.map(_piece, pieces)


def _pieces(seed: int, schedules: int, commands: int | None) -> Iterator[Piece]:
    end = seed + schedules
    for first in range(seed, end, CHUNK):
        yield first, min(CHUNK, end - first), commands


def _piece(piece: Piece) -> Tally:
    return play_some(*piece)


def play_some(
    seed: int, schedules: int, commands: int | None = None, parts: Parts | None = None
) -> Tally:
    """Play schedules in this process."""
    usual = gc.get_threshold()
    gc.set_threshold(GARBAGE_EVERY)
    tally = Tally()
    try:
        with silence(), Threads() as threads:
            for each in range(seed, seed + schedules):
                tally.take(play(Plan.of(each, commands), threads, parts))
    finally:
        gc.set_threshold(*usual)
    return tally


def shrink(found: Outcome, parts: Parts | None = None) -> Outcome:
    """A failure of the same kind with as few commands as some hundred tries give."""
    kind = _kind(found)
    with silence(), Threads() as threads:
        for commands in range(1, found.plan.commands):
            for each in range(found.plan.seed, found.plan.seed + SHRINK_SEEDS):
                outcome = play(Plan.of(each, commands), threads, parts)
                if outcome.wrong and _kind(outcome) == kind:
                    return outcome
    return found


def _kind(outcome: Outcome) -> str:
    """What went wrong, without names and numbers."""
    return outcome.wrong[0].split(" at ")[0]
