"""`wallet bench drain`: commands a second from a preloaded topic to read_committed results."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from schemas.settings import Settings
from wallet.bench import peers
from wallet.bench.arms import (
    BARE,
    Arm,
    Given,
    bare_mix,
    begin,
    figures_of,
    ratio,
    scratch_drained,
    speeds_of,
    workers_in_words,
    workers_of,
)
from wallet.bench.charts import Bar, Chart, Group
from wallet.bench.peers import Peer
from wallet.bench.telling import Telling

Figures = dict[str, Any]


class Wanted(NamedTuple):
    """What is to be measured. Each run measures every arm, one after the other."""

    commands: int
    wallets: int
    mixes: tuple[str, ...]
    workers: int
    runs: int
    seed: int
    peer: Path | None = None
    """The program of Kafka Streams, where it is to be measured too."""
    verify: bool = False
    """Whether each run of the ledger is audited, topics and database."""


class Run(NamedTuple):
    """The arms of one run."""

    ours: Arm
    bare: Arm
    peer: Peer | None


def measure(settings: Settings, wanted: Wanted, tell: Telling) -> Figures:
    """Figures of every mix, by name; speeds are medians over the runs. Raises Failure."""
    if wanted.peer is not None:
        peers.check(wanted.peer)
    index = begin(settings, tell)
    found = []
    for mix in wanted.mixes:
        runs = [
            _run(settings, wanted, mix, wanted.seed + number, tell) for number in range(wanted.runs)
        ]
        found.append(_figures(wanted, mix, runs))
    shared = {name: getattr(wanted, name) for name in ("commands", "wallets", "workers", "runs")}
    return {**shared, "mixes": found, "machine": index.end()._asdict()}


def chart(figures: Figures) -> Chart:
    """The mixes side by side."""
    groups = []
    for each in figures["mixes"]:
        bars = [
            Bar("Wallet Streams", each["commands_per_second"], each["slowest"], each["fastest"])
        ]
        bars.append(Bar("bare loop", each["bare_loop_per_second"]))
        if "kafka_streams_per_second" in each:
            bars.append(Bar("Kafka Streams", each["kafka_streams_per_second"]))
        groups.append(Group(each["mix"], bars))
    runs = "one run" if figures["runs"] == 1 else f"medians of {figures['runs']} runs"
    note = (
        f"{figures['commands']:,} commands on {figures['wallets']:,} wallets,"
        f" {workers_in_words(figures['workers'])}, {runs},"
        f" {figures['machine']['processors']} processors"
    )
    return Chart("Drain: from a full topic to committed results", "commands/s", note, groups)


def _run(settings: Settings, wanted: Wanted, mix: str, seed: int, tell: Telling) -> Run:
    tell(f"{mix}, seed {seed}: the ledger")
    given = Given(seed, wanted.wallets, wanted.commands, mix, wanted.verify)
    ours = scratch_drained(settings, given, workers_of(wanted.workers), tell)
    tell(f"  {ours.seen.per_second:,.0f}/s; the bare loop")
    bare = scratch_drained(settings, given._replace(mix=bare_mix(mix), verify=False), [BARE], tell)
    tell(f"  {bare.seen.per_second:,.0f}/s")
    if wanted.peer is None:
        return Run(ours, bare, None)
    tell("Kafka Streams")
    peer = peers.kafka_streams(settings, wanted.peer, wanted.commands)
    tell(f"  {peer.commands_per_second:,.0f}/s")
    return Run(ours, bare, peer)


def _figures(wanted: Wanted, mix: str, runs: Sequence[Run]) -> Figures:
    ours, bare = [run.ours for run in runs], speeds_of([run.bare for run in runs])
    return {
        "mix": mix,
        **figures_of(ours, wanted.commands),
        "bare_loop_per_second": round(statistics.median(bare)),
        "ratio_to_bare_loop": ratio(speeds_of(ours), bare),
        **_of_peer(speeds_of(ours), [run.peer for run in runs if run.peer is not None]),
    }


def _of_peer(speeds: list[float], found: Sequence[Peer]) -> Figures:
    if not found:
        return {}
    theirs = [peer.commands_per_second for peer in found]
    steady = statistics.median(peer.steady_per_second for peer in found)
    return {
        "kafka_streams_per_second": round(statistics.median(theirs)),
        "kafka_streams_steady_per_second": round(steady),
        "ratio_to_kafka_streams": ratio(speeds, theirs),
    }
