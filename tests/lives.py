"""`wallet ...` processes for tests, each a fork of one process that has imported all they need.

Most of what a process costs as it starts is imports: a second of processor time, some hundred
times in the whole suite. From there on a life is the same as any other: environment, output,
process group, exit code, kill -9. `wallet up` (tests/local) and the torture start theirs from
nothing, as users do.

`python -m tests.lives FD` is that process: it forks a life for each request on a socket, until
nobody can ask any more.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from typing import Any, BinaryIO, Final, Never, Protocol

from wallet.local.process import die_with_parent

COMMAND: Final = (sys.executable, "-m", "wallet.cli")
IMPORTED: Final = (
    "consumers.balances.process",
    "consumers.delayed.process",
    "consumers.receipts.process",
    "consumers.withdrawals.process",
    "producers.http.serving",
    "streams.rehearsal",
    "streams.worker",
    "wallet.pretend_bank.serving",
    "wallet.pretend_bank.settings",
    "wallet.cli.balances",
    "wallet.cli.bank_caller",
    "wallet.cli.delayed",
    "wallet.cli.gateway",
    "wallet.cli.pretend_bank",
    "wallet.cli.receipts",
    "wallet.cli.worker",
)
"""What the processes of a copy import, as late as they do it."""
FAULTS: Final = {
    "bank-caller": "consumers.withdrawals.faults",
    "delayed": "consumers.delayed.faults",
    "receipts": "consumers.receipts.faults",
    "worker": "streams.faults",
}
"""What reads WALLET_FAULT as it is imported, by command."""
BIRTH_SECONDS: Final = 60.0
MOST_BYTES: Final = 128 * 1024
"""Of a request: mostly an environment."""
_NUMBER: Final = 4
_PRELOADED: Final = "LD_PRELOAD"
_one_at_a_time: Final = threading.Lock()


class Running(Protocol):
    """What tests ask of a process: as of a Popen."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, -9 for kill -9; None while it lives."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code; raises TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send it; to one that has ended, that is nothing."""

    def kill(self) -> None:
        """Send SIGKILL; as above."""


def start(words: tuple[str, ...], environment: Mapping[str, str], log: BinaryIO) -> Running:
    """Start `wallet WORDS` with just this environment; all it says goes to the log."""
    if _PRELOADED in environment:  # which must be there before Python is
        return _from_nothing(words, environment, log)
    with _one_at_a_time:
        mother, _ = _mother()
    heard, told = os.pipe()
    try:
        request = json.dumps({"words": words, "environment": dict(environment)}).encode()
        assert len(request) <= MOST_BYTES
        socket.send_fds(mother, [request], [log.fileno(), told])
    finally:
        os.close(told)
    return Life(heard)


class Life:
    """A process that somebody else is the parent of, who tells its number and its exit code."""

    def __init__(self, heard: int) -> None:
        self._heard = heard
        self._reading = threading.Lock()
        self._code: int | None = None
        weakref.finalize(self, os.close, heard)
        assert self._is_told(BIRTH_SECONDS), "nobody is born"
        self.pid = self._number()

    def poll(self) -> int | None:
        """Its exit code, -9 for kill -9; None while it lives."""
        with self._reading:
            if self._code is None and self._is_told(0):
                self._code = self._number()
            return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code; any thread may. Raises TimeoutExpired."""
        if self._code is None:
            self._is_told(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(f"wallet process {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        """Send it; to one that has ended, that is nothing."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """Send SIGKILL; as above."""
        self.send_signal(signal.SIGKILL)

    def _is_told(self, seconds: float | None) -> bool:
        waiting = select.poll()
        waiting.register(self._heard, select.POLLIN)
        return bool(waiting.poll(None if seconds is None else seconds * 1000))

    def _number(self) -> int:
        said = os.read(self._heard, _NUMBER)
        assert len(said) == _NUMBER, "the process that bears the others has ended"
        return int.from_bytes(said, signed=True)


def _from_nothing(words: tuple[str, ...], environment: Mapping[str, str], log: BinaryIO) -> Running:
    return subprocess.Popen(
        (*COMMAND, *words),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        process_group=0,
        preexec_fn=die_with_parent(signal.SIGKILL, os.getpid()),  # noqa: PLW1509 - one C call
    )


@functools.cache
def _mother() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Where to ask, and who: it ends with us, since nobody else has this end of the socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            (sys.executable, "-m", "tests.lives", str(theirs.fileno())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            process_group=0,  # Ctrl-C is for pytest
        )
    atexit.register(_end, ours, process)
    return ours, process


def _end(asking: socket.socket, process: subprocess.Popen[bytes]) -> None:
    asking.close()
    process.wait(BIRTH_SECONDS)


def bear(asked: socket.socket) -> None:
    """Fork a life for each request, until nobody can ask any more."""
    for module in IMPORTED:
        importlib.import_module(module)
    assert threading.active_count() == 1, "a fork would be without the other threads"
    gc.freeze()  # else the first collection of each life would copy all of it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who minds a life is not minded
    mother = os.getpid()
    while True:
        said, passed, _, _ = socket.recv_fds(asked, MOST_BYTES, 2)
        if not said:
            return
        if os.fork() == 0:
            asked.close()
            die_with_parent(signal.SIGKILL, mother)()
            mind(json.loads(said), *passed)
        for one in passed:
            os.close(one)


def mind(request: dict[str, Any], log: int, told: int) -> None:
    """Start a life, tell its number, wait for its end and tell its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        os.setpgid(0, 0)
        die_with_parent(signal.SIGKILL, parent)()
        live(request["words"], request["environment"], log)
    os.write(told, pid.to_bytes(_NUMBER, signed=True))
    _, status = os.waitpid(pid, 0)
    os.write(told, os.waitstatus_to_exitcode(status).to_bytes(_NUMBER, signed=True))
    os._exit(0)


def live(words: list[str], environment: dict[str, str], log: int) -> Never:
    """Be a `wallet` process, to the end of the interpreter."""
    for number in (1, 2):
        os.dup2(log, number)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    if words[0] in FAULTS:
        importlib.reload(importlib.import_module(FAULTS[words[0]]))
    sys.argv = ["wallet", *words]
    importlib.import_module("wallet.cli").main()
    sys.exit()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        bear(requests)
