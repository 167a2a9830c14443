"""The simulation: sound schedules stay sound, and a seed tells all of one."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from schemas import results
from streams import claim
from wallet.torture.simulation import campaign
from wallet.torture.simulation.campaign import play_some, shrink
from wallet.torture.simulation.schedule import play, silence
from wallet.torture.simulation.turns import Threads
from wallet.torture.simulation.weather import CALLS, STRIKES
from wallet.torture.simulation.world import Parts, Plan, World

SCHEDULES = 2000
NAMING = ("refund", "withdrawal.execute", "withdrawal.settle", "credit_request.approve")
"""Kinds of commands that name what an earlier one has made."""


@pytest.mark.timeout(300)  # 20 s on two quiet processors
def test_every_schedule_keeps_the_invariants() -> None:
    """Whatever strikes between two steps: one result each, in order, and the books add up."""
    tally = campaign.run(1, SCHEDULES, None, lambda _: None)
    assert [(one.plan, one.wrong) for one in tally.failures] == []
    assert tally.schedules == SCHEDULES
    assert set(tally.faults) == {*CALLS, *STRIKES}
    assert tally.commands > 10 * SCHEDULES


def test_what_names_an_earlier_transaction_meets_it() -> None:
    """Each kind of command that needs one is done at times: its id was foretold rightly."""
    done: Counter[str] = Counter()
    with silence(), Threads() as threads:
        for seed in range(150):
            world = World(Plan.of(seed), threads, Parts())
            world.run()
            stored = world.database.tables["commands"].values()
            told = [results.decode(row.result) for row in stored]
            done.update(each.command.type or "" for each in told if each.status == "completed")
    assert min(done[f"{kind}.v1"] for kind in NAMING) > 2, done


def test_a_seed_gives_the_same_schedule_in_every_process() -> None:
    """Not even the order of Python's sets plays a part."""
    told = [_simulated(hash_seed) for hash_seed in ("1", "2")]
    assert told[0] == told[1]
    assert told[0]["ok"] is True


def _simulated(hash_seed: str) -> dict[str, object]:
    command = [sys.executable, "-m", "wallet.cli", "torture", "--simulate"]
    done = subprocess.run(
        [*command, "--schedules", "40", "--seed", "5", "--json"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    told: dict[str, object] = json.loads(done.stdout)
    del told["seconds"]
    return told


def test_a_failure_is_made_small_and_plays_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer commands, the same kind of fault; its plan alone gives the same steps."""
    monkeypatch.setattr(claim, "_last_result", lambda _place, _tail, now: now.floor_offset)
    tally = play_some(1, 10)
    assert tally.wrong > 0
    small = shrink(tally.failures[0])
    assert small.plan.commands < tally.failures[0].plan.commands
    assert small.wrong[0].startswith(tally.failures[0].wrong[0].split(" at ")[0])
    with silence(), Threads() as threads:
        again = play(Plan.of(small.plan.seed, small.plan.commands), threads)
    assert again == small
