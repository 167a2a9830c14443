"""What `/healthz` says of a running copy."""

import asyncio
import time
from typing import Any

import msgspec

from wallet.local.lag import LagReader, LagUnknownError, PartitionLag
from wallet.local.process import Process
from wallet.local.supervisor import Supervisor

# Many may look at once (a page in every tab): they share what was read a moment ago.
FRESH_SECONDS = 0.5


class ProcessHealth(msgspec.Struct, frozen=True):
    """One process."""

    name: str
    pid: int | None
    running: bool
    restarts: int
    uptime_seconds: float
    last_exit: int | None


class Health(msgspec.Struct, frozen=True):
    """The whole copy; `problems` is empty when all is well."""

    phase: str
    problems: tuple[str, ...]
    processes: tuple[ProcessHealth, ...]
    lag: tuple[PartitionLag, ...]
    console: str | None = None
    """Where operators look; None without a gateway."""

    @property
    def is_well(self) -> bool:
        """Whether the copy does its work."""
        return self.phase == "ready" and not self.problems

    def document(self) -> dict[str, Any]:
        """Give it as JSON has it, with the sums a reader wants."""
        body: dict[str, Any] = msgspec.to_builtins(self)
        body["status"] = "ok" if self.is_well else "not ok"
        for item, partition in zip(body["lag"], self.lag, strict=True):
            item["lag"] = partition.lag
        body["total_lag"] = sum(partition.lag for partition in self.lag)
        return body


class HealthReader:
    """Looks at the processes, and asks Kafka and the database for the lag."""

    def __init__(self, supervisor: Supervisor, lag: LagReader) -> None:
        self._supervisor = supervisor
        self._lag = lag
        self._lock = asyncio.Lock()
        self._last: Health | None = None
        self._last_at = 0.0

    async def read(self) -> Health:
        """Give the health, at most half a second old."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last_at > FRESH_SECONDS:
                self._last = await self._look()
                self._last_at = time.monotonic()
            return self._last

    async def _look(self) -> Health:
        problems: list[str] = []
        lag: tuple[PartitionLag, ...] = ()
        if self._supervisor.phase == "ready":
            try:
                lag = await asyncio.to_thread(self._lag.read)
            except LagUnknownError as error:
                problems.append(f"lag unknown: {error}")
        processes = tuple(_health(process) for process in self._supervisor.processes)
        problems += [f"{each.name} is not running" for each in processes if not each.running]
        console = self._supervisor.addresses.console
        return Health(self._supervisor.phase, tuple(problems), processes, lag, console)


def _health(process: Process) -> ProcessHealth:
    return ProcessHealth(
        name=process.name,
        pid=process.pid,
        running=process.pid is not None,
        restarts=process.restarts,
        uptime_seconds=round(process.uptime_seconds, 1),
        last_exit=process.last_exit,
    )
