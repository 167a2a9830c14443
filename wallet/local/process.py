"""One child process: started, kept alive with a growing pause, and ended within a time limit.

The libraries were looked at and fit less than the lines below. honcho ends all when one ends and
restarts nothing; supervisor is a daemon with a configuration file and a root user in mind; circus
brings ZeroMQ and a process of its own. None awaits that a part is ready before the next starts, or
sees to it that children end when the supervisor is killed.
"""

import asyncio
import ctypes
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LOG_LIMIT_BYTES = 10 * 2**20
LOG_LOOK_SECONDS = 10.0
LAST_WORDS_BYTES = 4096
_NOTE = "---"  # starts the supervisor's own lines in a log

# The first restart is at once (a crash is part of the design), then each waits twice as long.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.1, 5.0
# Having lived this long, a process is taken to be well again.
WELL_AFTER_SECONDS = 20.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """How a process is started and ended."""

    name: str
    command: tuple[str, ...]
    # What the command gets besides when it is started again.
    again: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # What it gets when the supervisor dies without a word. A worker may be killed at any point
    # (DESIGN.md 3), so nothing is gained by asking it.
    orphan_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0


class Process:
    """A child that is started again whenever it ends, until it is told to stop."""

    def __init__(self, spec: ProcessSpec, logs: Path, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.restarts = 0
        self.last_exit: int | None = None
        self._log = logs / f"{spec.name}.log"
        self._changed = changed
        self._child: asyncio.subprocess.Process | None = None
        self._started_at = 0.0
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """What the process is called in the state file and among the logs."""
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """The process id, None while it is not running."""
        return self._child.pid if self._child else None

    @property
    def uptime_seconds(self) -> float:
        """How long the running process has been running; 0 while it is not."""
        return time.monotonic() - self._started_at if self._child else 0.0

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._log

    def last_words(self) -> str:
        """Give the end of its log in one line, and where the whole is."""
        with suppress(OSError), self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
            said = [line.strip() for line in lines if line and not line.startswith(_NOTE)]
            return f"{said[-1] if said else 'it said nothing'} (see {self._log})"
        return f"see {self._log}"

    async def start(self) -> None:
        """Start it, and keep it running from now on.

        Raises:
            OSError: the command cannot be started at all.

        """
        self._child = await self._spawn()
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self) -> None:
        """End it and wait for the end; what does not end in time is killed."""
        self._stopping.set()
        self._signal(self.spec.stop_signal)
        if self._task:
            done, _ = await asyncio.wait({self._task}, timeout=self.spec.stop_seconds)
            if not done:
                self._signal(signal.SIGKILL)
            try:
                await self._task
            finally:
                await self._end_unkept()

    async def _end_unkept(self) -> None:
        """Kill what still runs though nobody keeps it any more; usually there is nothing."""
        if self._child:
            self._signal(signal.SIGKILL)
            self.last_exit = await self._child.wait()
            self._child = None

    def _signal(self, number: signal.Signals) -> None:
        if self._child:
            with suppress(ProcessLookupError):
                self._child.send_signal(number)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            if self._child:
                self.last_exit = await self._exit_of(self._child)
                if self.uptime_seconds > WELL_AFTER_SECONDS:
                    pause = FIRST_PAUSE_SECONDS
                self._child = None
                self._tell()
            if await self._is_stopped_within(pause):
                return
            pause = min(pause * 2, LAST_PAUSE_SECONDS)
            await self._restart()

    async def _exit_of(self, child: asyncio.subprocess.Process) -> int:
        """Wait for its end; meanwhile its log stays small."""
        while True:
            try:
                async with asyncio.timeout(LOG_LOOK_SECONDS):
                    return await child.wait()
            except TimeoutError:
                await asyncio.to_thread(self._empty)

    def _empty(self) -> None:
        """Put the log of a running process aside when it has grown too large.

        The process keeps the file open and appends: so it is copied, then emptied. What it says
        between the two is lost.
        """
        with suppress(OSError):
            if self._log.stat().st_size > LOG_LIMIT_BYTES:
                shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
                os.truncate(self._log, 0)

    async def _is_stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _restart(self) -> None:
        self.restarts += 1
        try:
            self._child = await self._spawn()
        except OSError as error:  # no memory, no process table entry: it may pass
            self._note(f"cannot be started: {error}")
            return
        if self._stopping.is_set():  # told so while it was being started
            self._signal(self.spec.stop_signal)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._rotate()
        self._note(f"starts (restart {self.restarts}): {self.spec.command[0]}")
        with self._log.open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                *self.spec.command,
                *(self.spec.again if self.restarts else ()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.spec.environment},
                user=self.spec.user,
                group=self.spec.user,
                extra_groups=None if self.spec.user is None else (),
                process_group=0,  # Ctrl-C in the terminal reaches the supervisor only
                preexec_fn=die_with_parent(self.spec.orphan_signal, os.getpid()),
            )
        self._started_at = time.monotonic()
        self._child = child
        self._tell()
        return child

    def _tell(self) -> None:
        """Say that it has started or ended; what cannot be written is written at the next change.

        A full disk must not end the keeping.
        """
        with suppress(OSError):
            self._changed()

    def _rotate(self) -> None:
        """Keep one older log when a start finds this one grown too large, and it can be done."""
        with suppress(OSError):
            if self._log.stat().st_size > LOG_LIMIT_BYTES:
                self._log.replace(self._log.with_suffix(".log.1"))

    def _note(self, text: str) -> None:
        """Write a line of the supervisor's own among the child's, where there is room."""
        with suppress(OSError), self._log.open("a", encoding="utf-8") as log:
            log.write(f"{_NOTE} {time.strftime('%Y-%m-%dT%H:%M:%S%z')} {self.name} {text}\n")


def die_with_parent(number: signal.Signals, parent: int) -> Callable[[], None]:
    """Give what a new child does first: ask Linux for a signal when its parent ends.

    The request survives exec but not a change of user, so it is made after that one.
    Elsewhere than on Linux a killed supervisor leaves its children to the next `wallet up`.
    """

    def ask() -> None:
        if _libc:
            _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
            if os.getppid() != parent:  # it ended before the request
                os.kill(os.getpid(), signal.SIGKILL)

    return ask
