"""The processes of a bench: started on a ledger, watched, ended and awaited."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import psutil

from schemas.settings import Settings
from wallet.bench.scratch import environment
from wallet.local import processors

STOP_SECONDS: Final = 20.0

WORKER: Final = (sys.executable, "-m", "wallet.cli", "worker", "--slot")

Process = tuple[str, ...]
"""The words of a command."""


class Watch(threading.Thread):
    """Notes how much memory and processor time a process takes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.most_mb = 0.0
        self.processor_seconds = 0.0

    def run(self) -> None:
        """Look ten times a second until the end."""
        while not self._ended.wait(0.1):
            self.look()

    def look(self) -> None:
        """Note what it takes now; a process that is gone is looked at no more."""
        try:
            with self._lock:
                self.most_mb = max(self.most_mb, self._process.memory_info().rss / 2**20)
                times = self._process.cpu_times()
                self.processor_seconds = times.user + times.system
        except psutil.NoSuchProcess:
            self._ended.set()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        try:
            return bool(self._process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def end(self) -> None:
        """Look no more."""
        self._ended.set()


def worker_process(ledger: Settings, argv: Process, slot: int) -> AbstractContextManager[Watch]:
    """A worker, or what is compared with one, on a processor as `wallet up` deals them out."""
    return process(ledger, argv, processors.environment_of(slot))


def process(
    ledger: Settings, argv: Process, more: Mapping[str, str]
) -> AbstractContextManager[Watch]:
    """A process of ours on this ledger, with `more` in its environment."""
    return watched(argv, {**environment(ledger), **more})


@contextmanager
def watched(argv: Process, environ: Mapping[str, str]) -> Iterator[Watch]:
    """A process in this environment, watched, ended and awaited."""
    started = subprocess.Popen(  # noqa: S603 - our own program
        argv,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = threading.Thread(target=_drain_pipe, args=(started,), daemon=True)
    said.start()
    watch = Watch(started.pid)
    watch.start()
    try:
        yield watch
    finally:
        watch.end()
        started.terminate()
        try:
            started.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(STOP_SECONDS)
        said.join(STOP_SECONDS)


def _drain_pipe(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None, "it was asked for"
    with process.stderr as said:
        for line in said:
            if "critical" in line or "Error" in line:
                sys.stderr.write(line)
