"""The consumers of a copy: they fire withdrawals, have the bank pay, tell receipts and balances."""

import asyncio
import signal
import sys
from dataclasses import dataclass
from functools import partial
from typing import Final

from confluent_kafka.admin import AdminClient

from schemas.settings import Settings
from wallet import topics
from wallet.local.groups import partitions_of
from wallet.local.leftovers import marked
from wallet.local.parts import Starter, until_ready
from wallet.local.process import Process, ProcessSpec

GROUPS: Final = {
    "delayed": "delayed",
    "bank-caller": "bank",
    "receipts": "receipts",
    "balances": "balances",
}
"""Process, named as its command -> the group in which it follows its topic: the first two the
delayed topic, the other two the events. Both have the same number of partitions."""

COMMAND: Final = (sys.executable, "-m", "wallet.cli")


@dataclass(frozen=True, slots=True)
class Started:
    """Consumers that were started, and the members of their groups before that."""

    processes: list[Process]
    admin: AdminClient
    strangers: frozenset[str]


async def start(starter: Starter) -> Started:
    """Start them all."""
    admin = topics.client(starter.settings)
    names = [_group(starter.settings, name) for name in GROUPS]
    found = [await asyncio.to_thread(partitions_of, admin, name) for name in names]
    specs = [_spec(starter, name) for name in GROUPS]
    processes = [await starter.supervisor.start_worker(spec) for spec in specs]
    return Started(processes, admin, frozenset().union(*found))


async def await_owned(starter: Starter, started: Started) -> None:
    """Wait until each of them follows all partitions of its topic.

    On somebody else's cluster there may be others, who keep theirs: nothing is awaited.

    Raises:
        Failure: one of them does not, in time.

    """
    names = ", ".join(process.name for process in started.processes)
    if not starter.parts.are_ours:
        starter.telling.line(f"{names} started")
        return
    for process in started.processes:
        group = _group(starter.settings, process.name)
        is_owned = partial(_is_owned, started, group, starter.settings.partitions)
        await until_ready(process, is_owned)
    starter.telling.line(f"{names} follow the ledger")


def _is_owned(started: Started, group: str, partitions: int) -> bool:
    """Say whether members that came since then have all partitions."""
    found = partitions_of(started.admin, group)
    ours = [owned for member, owned in found.items() if member not in started.strangers]
    return len(frozenset().union(*ours)) == partitions


def _group(settings: Settings, name: str) -> str:
    return f"{settings.application}-{GROUPS[name]}"


def _spec(starter: Starter, name: str) -> ProcessSpec:
    spec = ProcessSpec(
        name=name,
        command=(*COMMAND, name),
        environment=starter.environment,
        # It may be killed at any point: what it is at stands in the database.
        orphan_signal=signal.SIGKILL,
    )
    return marked(spec, starter.supervisor.folder)
