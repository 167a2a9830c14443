"""`wallet up` as a person uses it: one command up, one down, whatever is killed in between."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from wallet.local import consumers, kafka
from wallet.local.leftovers import MARK

pytestmark = pytest.mark.integration

WALLET = (sys.executable, "-m", "wallet.cli")
PORTS = ("--http-port", "--kafka-port", "--postgres-port", "--bank-port")
ANY_PORTS = tuple(part for port in PORTS for part in (port, "0"))
PATIENCE_SECONDS = 60.0


class Stack(Protocol):
    """What the fixture of that name gives."""

    kafka: str

    def pid(self, name: str) -> int:
        """Give the number of a process."""


class Copy:
    """A `wallet up` process and what can be asked about it."""

    def __init__(self, data: Path, process: subprocess.Popen[str]) -> None:
        self.data = data
        self.process = process

    @property
    def state(self) -> dict[str, Any]:
        """The state file."""
        found: dict[str, Any] = json.loads((self.data / "state.json").read_text())
        return found

    def pids(self) -> dict[str, int]:
        """The running processes by name."""
        return {process["name"]: process["pid"] for process in self.state["processes"]}

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and document of /healthz."""
        try:
            with self._open("/healthz") as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def page(self) -> str:
        """The status page."""
        with self._open("/") as response:
            text: str = response.read().decode()
            return text

    def pays(self, key: str) -> bool:
        """Have the bank pay something; False where it is not there yet."""
        headers = {"Idempotency-Key": key}
        order = urllib.request.Request(self.state["bank"], data=b"{}", headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(order, timeout=15) as response:  # noqa: S310
                return bool(response.status == HTTPStatus.OK)
        except urllib.error.URLError:
            return False

    def payments(self) -> list[dict[str, Any]]:
        """What the bank has paid."""
        lines = (self.data / "bank" / "ledger.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def _open(self, path: str) -> http.client.HTTPResponse:
        address = self.state["http"] + path
        response: http.client.HTTPResponse = urllib.request.urlopen(address, timeout=15)  # noqa: S310
        return response


@contextmanager
def up(data: Path, *options: str) -> Iterator[Copy]:
    """Start a copy, wait for its banner, and end it whatever happens."""
    process = subprocess.Popen(
        [*WALLET, "up", "--data", str(data), *ANY_PORTS, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line == "ready\n":
                break
        else:
            pytest.fail("".join(said))
        yield Copy(data, process)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def environment() -> dict[str, str]:
    """Ours, without settings of a copy, and with the poorest locale."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("WALLET_")}
    return ours | {"LC_ALL": "POSIX"}


def wallet(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*WALLET, *arguments],
        env={**environment(), "WALLET_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def until(said: Callable[[], bool]) -> None:
    """Wait for what other processes do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not said():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def kill(copy: Copy, name: str) -> None:
    """Kill -9 one process and wait until it is there again."""
    until(lambda: name in copy.pids())
    pid = copy.pids()[name]
    os.kill(pid, signal.SIGKILL)
    until(lambda: copy.pids().get(name, pid) != pid)


def children_of(data: Path) -> list[psutil.Process]:
    """Every process on this machine that a supervisor of the folder started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(data):
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_after_a_crash(command: Sequence[str]) -> bool:
    """Whether a broker is started as one that did not end well."""
    return "broker.session.timeout.ms=3000" in command


@pytest.mark.long
def test_a_copy_lives_through_kills_and_ends_without_a_trace(data: Path) -> None:
    """Each process is killed once and comes back under its name; `down` leaves none."""
    with up(data, "--workers", "1") as copy:
        status, document = copy.health()
        assert (status, document["status"]) == (200, "ok")
        assert {each["partition"] for each in document["lag"]} == {0, 1, 2, 3}
        names = ["kafka", "postgres", "pretend-bank", "worker-1", *consumers.GROUPS, "gateway"]
        assert list(copy.pids()) == names
        assert "Wallet Streams is" in copy.page()
        assert copy.pays("before")

        for name in names:
            kill(copy, name)
            until(lambda: copy.health()[0] == 200)
        restarts = {each["name"]: each["restarts"] for each in copy.health()[1]["processes"]}
        assert restarts["kafka"] == restarts["postgres"] == restarts["pretend-bank"] == 1
        assert is_after_a_crash(psutil.Process(copy.pids()["kafka"]).cmdline())
        status_said = json.loads(wallet("status", "--json", data=data).stdout)
        assert (status_said["status"], status_said["bank"]) == ("ok", copy.state["bank"])
        until(lambda: copy.pays("after"))
        assert [payment["key"] for payment in copy.payments()] == ["before", "after"]

        done = wallet("down", data=data)
        assert (done.returncode, done.stdout) == (0, f"stopped {data}\n")
        assert copy.process.wait(PATIENCE_SECONDS) == 0
        assert not (data / "state.json").exists()
        assert children_of(data) == []
        assert not is_after_a_crash(kafka.spec(data / "kafka").command)
    assert wallet("status", data=data).returncode == 1
    assert wallet("reset", "--yes", data=data).returncode == 0
    assert not data.exists()


@pytest.mark.long
def test_two_copies_run_side_by_side_and_a_folder_has_one(stack: Stack, data: Path) -> None:
    """Two folders, two sets of ports; a folder or a port in use is refused in one line.

    Then the supervisor is killed: its children end, and the next start finds its data. The folder's
    name is one that Kafka's settings cannot have as it is.
    """
    data = data.with_name("José's 100 % data")
    with up(data, "--workers", "0") as copy:
        assert copy.health()[0] == 200
        assert stack.pid("kafka") not in copy.pids().values()
        assert copy.state["kafka"] != stack.kafka
        assert set(copy.pids()) == {"kafka", "postgres"}
        assert copy.state["bank"] is None

        again = wallet("up", data=data)
        assert (again.returncode, again.stderr.count("\n")) == (1, 1)
        assert again.stderr.startswith(f"wallet: a copy is already running on {data}")
        assert wallet("reset", "--yes", data=data).returncode == 1
        port = copy.state["kafka"].rpartition(":")[2]
        busy = wallet("up", "--kafka-port", port, data=data.with_name("third"))
        assert (busy.returncode, busy.stderr.count("\n")) == (1, 1)
        assert f"port {port} is in use" in busy.stderr

        copy.process.kill()
        until(lambda: not children_of(data))

    assert (data / "kafka" / "log" / "meta.properties").exists()
    cluster = (data / "kafka" / "cluster.id").read_text()
    started = time.monotonic()
    with up(data, "--workers", "0") as copy:
        print(f"second start: ready after {time.monotonic() - started:.1f} s")  # noqa: T201
        assert (data / "kafka" / "cluster.id").read_text() == cluster
        assert copy.health()[0] == 200


def test_ctrl_c_while_starting_ends_everything(data: Path) -> None:
    """Told to stop before it was ready, it stops what it had begun."""
    process = subprocess.Popen(
        [*WALLET, "up", "--data", str(data), *ANY_PORTS],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    until((data / "state.json").exists)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert said.rstrip().endswith("stopped")
    assert children_of(data) == []


@pytest.mark.parametrize(
    ("command", "variable", "address"),
    [
        (("topics", "apply"), "WALLET_KAFKA_BOOTSTRAP", "127.0.0.1:9"),
        (("migrate",), "WALLET_DATABASE_URL", "postgresql://me:secret@127.0.0.1:9/x"),
    ],
)
def test_an_absent_server_is_one_line_after_a_wait(
    command: tuple[str, ...], variable: str, address: str
) -> None:
    """No traceback and no password: what is waited for, then what to do."""
    done = subprocess.run(
        [*WALLET, *command, "--timeout", "1"],
        env={**environment(), variable: address},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    waiting, failure = done.stderr.splitlines()
    assert waiting.startswith("waiting for ")
    assert "127.0.0.1:9" in failure
    assert variable in failure
    assert "secret" not in done.stderr
    assert done.returncode == 3
