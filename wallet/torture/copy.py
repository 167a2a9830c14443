"""The copy that is tortured: servers, workers and consumers under the supervisor of `wallet up`.

It is the same code that keeps a copy alive for people; only what the faults need is added to the
commands and environments. It runs in the event loop of a thread of its own, so that a strike may
block while processes go on being started again.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import stamina.instrumentation
from rich.console import Console

from schemas.settings import Settings
from wallet.local import bank, consumers, ports, workers
from wallet.local.folder import DataFolder
from wallet.local.lag import LagReader
from wallet.local.parts import Parts, Starter
from wallet.local.process import Process, ProcessSpec
from wallet.local.supervisor import Addresses, Supervisor
from wallet.local.telling import Telling
from wallet.torture.draw import RECEIPTED
from wallet.torture.faults import Ground, Needs

START_SECONDS: Final = 180.0
"""Servers, topics, migrations, workers with their claims: 15 s on a quiet machine."""
STOP_SECONDS: Final = 60.0
STEP_SECONDS: Final = 30.0
"""For starting or ending one process."""

Given = TypeVar("Given")


def ground_at(folder: DataFolder) -> Ground:
    """A new copy's folder and ports."""
    return Ground(folder, ports.free(), ports.free(), ports.free())


def together(needs: Sequence[Needs]) -> Needs:
    """What all kinds of a run need; the later one wins where two name the same."""
    return Needs(
        kafka=_merged(each.kafka for each in needs),
        postgres=_merged(each.postgres for each in needs),
        servers=_merged(each.servers for each in needs),
        processes=_merged(each.processes for each in needs),
        bank=_merged(each.bank for each in needs),
        withdrawals=any(each.withdrawals for each in needs),
    )


def _merged(said: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {name: value for each in said for name, value in each.items()}


class NeedySupervisor(Supervisor):
    """A supervisor that starts each process with what the faults need of it."""

    needs: Needs = Needs()

    async def start_server(self, spec: ProcessSpec) -> Process:
        """Start Kafka, PostgreSQL or the pretend bank."""
        needs = self.needs
        if spec.name == "kafka":
            more = [part for pair in needs.kafka.items() for part in ("--override", "=".join(pair))]
            spec = _changed(spec, more, needs.servers)
        elif spec.name == "postgres":
            more = [part for pair in needs.postgres.items() for part in ("-c", "=".join(pair))]
            spec = _changed(spec, more, needs.servers)
        else:
            spec = _changed(spec, [], needs.bank)
        return await super().start_server(spec)

    async def start_worker(self, spec: ProcessSpec) -> Process:
        """Start a worker or a consumer."""
        return await super().start_worker(_changed(spec, [], self.needs.processes))


def _changed(spec: ProcessSpec, more: list[str], said: Mapping[str, str]) -> ProcessSpec:
    environment = {**spec.environment, **said}
    return replace(spec, command=(*spec.command, *more), environment=environment)


class Copy:
    """A copy in its folder. `console` hears how the start goes on."""

    def __init__(self, ground: Ground, needs: Needs, console: Console) -> None:
        self._ground = ground
        parts = Parts(
            ground.kafka_port, ground.postgres_port, ground.bank_port if needs.withdrawals else None
        )
        self.settings: Final[Settings] = parts.settings()
        self._withdrawals = needs.withdrawals
        addresses = Addresses(
            http="",
            kafka=self.settings.kafka_bootstrap,
            postgres=self.settings.database_url,
            bank=self.settings.bank_url if needs.withdrawals else None,
        )
        self.supervisor: Final = NeedySupervisor(ground.folder, addresses, os.getpid())
        of_ours = {"WALLET_RECEIPTS_SOURCES": RECEIPTED, **needs.processes}
        self.supervisor.needs = replace(needs, processes=of_ours)
        self.lag: Final = LagReader(self.settings)
        self._starter = Starter(parts, self.settings, self.supervisor, Telling(console), self.lag)
        self._loop = asyncio.new_event_loop()
        # Not a daemon's end: children are told that their parent died when this thread ends.
        self._thread = threading.Thread(target=self._loop.run_forever, name="copy", daemon=True)

    def start(self, worker_count: int) -> None:
        """Start everything. Raises Failure when something does not get ready."""
        stamina.instrumentation.set_on_retry_hooks(())  # a line for each retry is none for people
        self._ground.folder.prepare()
        self._thread.start()
        self.do(self._start(worker_count), START_SECONDS)

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        try:
            if self._thread.is_alive():
                self.do(self.supervisor.stop(), STOP_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def bank_ledger(self) -> str | None:
        """Where the pretend bank tells what it has paid; None without one."""
        return f"{self.settings.bank_url.rstrip('/')}/ledger" if self._withdrawals else None

    @property
    def receipts(self) -> Path | None:
        """The folder of receipts; None where nobody makes any."""
        return self._ground.folder.root / "receipts" if self._withdrawals else None

    def process(self, name: str) -> Process:
        """One that is kept running; raises KeyError."""
        found = {process.name: process for process in self.supervisor.processes}
        return found[name]

    def workers(self) -> tuple[str, ...]:
        """The names of the workers, by slot."""
        names = [each.name for each in self.supervisor.workers]
        return tuple(name for name in names if name.startswith("worker-"))

    def add_worker(self, slot: int) -> None:
        """Keep one more worker running; nothing is awaited but its start."""
        spec = workers.spec_of(self._starter, workers.COMMAND, slot)
        self.do(self.supervisor.start_worker(spec), STEP_SECONDS)

    def remove_worker(self, slot: int) -> None:
        """End a worker politely, for good."""
        process = self.process(f"worker-{slot}")
        self.supervisor.workers.remove(process)
        self.do(process.stop(), STEP_SECONDS)

    def do(self, work: Coroutine[Any, Any, Given], limit: float) -> Given:
        """Do something in the copy's event loop and wait for its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit)

    async def _start(self, worker_count: int) -> None:
        starter = self._starter
        await starter.start()
        await workers.await_leaders(self.lag)
        started = await workers.start(starter, worker_count)
        following = await consumers.start(starter) if self._withdrawals else None
        await workers.await_claims(starter, started)
        if following is not None:
            await consumers.await_owned(starter, following)
        self.supervisor.phase = "ready"


def bank_answers(settings: Settings) -> bool:
    """Whether the pretend bank is well."""
    return bank.answers(settings.bank_url)
