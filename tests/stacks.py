"""A Kafka and a PostgreSQL of a test session, as `wallet up` starts them; and their last words."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from wallet.local import state
from wallet.local.process import die_with_parent

PATIENCE_SECONDS = 3
STOP_SECONDS = 60
LAST_BYTES = 3000
SERVERS = ("kafka", "postgres")
PREFIX = "wallet-test-"
MEMORY = Path("/dev/shm")  # noqa: S108 - not our folder: one is made in it
ROOM_BYTES = 12 * 1024**3
"""What must be free of memory: the copies of three processes come to 4 GB at the end."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running copy without workers: its folder and its addresses."""

    data: Path
    http: str
    kafka: str
    postgres: str

    def pid(self, name: str) -> int:
        """Give the number of one of its processes, e.g. `kafka`; it changes with a restart."""
        found = state.read(self.data / "state.json")
        assert found is not None
        return next(process.pid for process in found.processes if process.name == name)

    def last_words(self) -> dict[str, str]:
        """What each server said last, by its log: what a failure may be due to."""
        logs = {name: self.data / "logs" / f"{name}.log" for name in SERVERS}
        return {str(log): _end(log) for log in logs.values() if log.exists()}


def _end(log: Path) -> str:
    with log.open("rb") as said:
        said.seek(max(0, log.stat().st_size - LAST_BYTES))
        return said.read().decode(errors="replace")


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for a copy, outside of pytest's own.

    Run by root, PostgreSQL has an account of its own, which must reach its data; and each pytest
    that starts closes `/tmp/pytest-of-root` to others again.
    """
    place = _memory()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=place) as folder:
        yield Path(folder).resolve() / "data"


def _memory() -> Path | None:
    """A file system in memory, where there is plenty; None: the system's choice.

    A ledger of a test is a database of 300 files and topics of 150. On ext4 they take a second to
    make and to delete, here a quarter.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return None
    room = min(psutil.virtual_memory().available, shutil.disk_usage(MEMORY).free)
    if room < ROOM_BYTES:
        return None
    # What one that was killed has left is memory that nobody else gives back.
    for left in MEMORY.glob(f"{PREFIX}[0-9]*-*"):
        if not psutil.pid_exists(int(left.name.removeprefix(PREFIX).split("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    return MEMORY


@contextmanager
def running(data: Path) -> Iterator[Stack]:
    """Start both servers on ports of the system's choice, and end them whatever happens."""
    command = [sys.executable, "-m", "wallet.cli", "up", "--workers", "0", "--data", str(data)]
    any_ports = ["--http-port", "0", "--kafka-port", "0", "--postgres-port", "0"]
    process = subprocess.Popen(
        [*command, *any_ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=without_settings(),
        process_group=0,  # Ctrl-C is for pytest, which ends this one when its tests have ended
        preexec_fn=die_with_parent(signal.SIGTERM, os.getpid()),  # noqa: PLW1509 - one C call
    )
    try:
        _await_ready(process)
        found = state.read(data / "state.json")
        assert found is not None
        yield Stack(data, found.http, found.kafka, found.postgres)
    finally:
        process.terminate()
        _await_end(process, data)


def _await_end(process: subprocess.Popen[str], data: Path) -> None:
    """Let it stop; but not PostgreSQL write down hundreds of databases that are thrown away."""
    try:
        process.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        found = state.read(data / "state.json")
        for each in found.processes if found else ():
            if each.name == "postgres":
                os.kill(each.pid, signal.SIGQUIT)  # at once, without a checkpoint
        process.communicate(timeout=STOP_SECONDS)


def without_settings() -> dict[str, str]:
    """Our environment without settings of a ledger, for a child process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WALLET_")}


def _await_ready(process: subprocess.Popen[str]) -> None:
    """Read its output up to the banner; `wallet up` itself ends when that takes too long."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.strip() == "ready":
            return
    pytest.fail(f"wallet up ended before it was ready:\n{''.join(said)}", pytrace=False)
