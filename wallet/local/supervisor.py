"""All processes of a copy: started in order, kept running, written to the state file, ended."""

import asyncio
import time
from dataclasses import dataclass, field

from producers.addresses import without_password
from wallet.local import state
from wallet.local.folder import DataFolder
from wallet.local.process import Process, ProcessSpec


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of a copy are reached; `bank` and `gateway` are None without workers."""

    http: str
    kafka: str
    postgres: str
    bank: str | None = None
    gateway: str | None = None

    @property
    def console(self) -> str | None:
        """Where operators look, which the gateway serves."""
        return None if self.gateway is None else f"{self.gateway}/console"

    def shown(self) -> dict[str, str]:
        """Give what people see beside the status page: no passwords, nothing that is not there."""
        bank = None if self.bank is None else without_password(self.bank)
        postgres = without_password(self.postgres)
        found = {
            "console": self.console,
            "HTTP": self.gateway,
            "Kafka": self.kafka,
            "PostgreSQL": postgres,
            "bank": bank,
        }
        return {name: address for name, address in found.items() if address is not None}


@dataclass(slots=True)
class Supervisor:
    """Keeps the processes of one data folder; the servers outlive the workers."""

    folder: DataFolder
    addresses: Addresses
    pid: int
    servers: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    phase: str = "starting"
    started_at: float = field(default_factory=time.monotonic)

    @property
    def processes(self) -> list[Process]:
        """Every process, the servers first."""
        return [*sorted(self.servers, key=lambda server: server.name), *self.workers]

    async def start_server(self, spec: ProcessSpec) -> Process:
        """Start Kafka, PostgreSQL or the pretend bank."""
        return await self._start(spec, self.servers)

    async def start_worker(self, spec: ProcessSpec) -> Process:
        """Start a process that needs them."""
        return await self._start(spec, self.workers)

    async def _start(self, spec: ProcessSpec, group: list[Process]) -> Process:
        process = Process(spec, self.folder.logs, self.write_state)
        group.append(process)
        await process.start()
        return process

    async def stop(self) -> None:
        """End the workers, then the servers they need; nothing is left running.

        What one of them raises is raised when all have ended.
        """
        self.phase = "stopping"
        raised: list[BaseException] = []
        for group in (self.workers, self.servers):
            ends = (process.stop() for process in group)
            ended = await asyncio.gather(*ends, return_exceptions=True)
            raised += [each for each in ended if each is not None]
        self.folder.state_file.unlink(missing_ok=True)
        if raised:
            raise raised[0]

    def write_state(self) -> None:
        """Write what runs now; called whenever a process starts or ends."""
        running = tuple(
            state.ProcessState(process.name, process.pid)
            for process in self.processes
            if process.pid is not None
        )
        state.write(
            self.folder.state_file,
            state.State(
                http=self.addresses.http,
                kafka=self.addresses.kafka,
                postgres=self.addresses.postgres,
                bank=self.addresses.bank,
                gateway=self.addresses.gateway,
                supervisor=self.pid,
                processes=running,
            ),
        )
