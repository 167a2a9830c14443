"""Fixtures of the whole suite: one real Kafka and PostgreSQL a session, a fresh ledger a module."""

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from schemas.settings import Settings
from wallet import migrate, topics
from wallet.local import state
from wallet.local.process import die_with_parent

START_SECONDS, STOP_SECONDS = 100, 60
TEMPLATE = "template_ledger"


def pytest_configure() -> None:
    """Take Ctrl-C even as a shell's background job, whose children would ignore it too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Real Kafka and PostgreSQL, as `wallet up` starts them, for the whole session."""
    with data_folder() as data, _running(data) as found:
        yield found


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for a copy, outside of pytest's own.

    Run by root, PostgreSQL has an account of its own, which must reach its data; and each pytest
    that starts closes `/tmp/pytest-of-root` to others again.
    """
    with tempfile.TemporaryDirectory(prefix="wallet-test-") as folder:
        yield Path(folder).resolve() / "data"


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder for a copy of the test's own, deleted afterwards."""
    with data_folder() as folder:
        yield folder


@contextmanager
def _running(data: Path) -> Iterator[Stack]:
    command = [sys.executable, "-m", "wallet.cli", "up", "--workers", "0", "--data", str(data)]
    any_ports = ["--http-port", "0", "--kafka-port", "0", "--postgres-port", "0"]
    process = subprocess.Popen(
        [*command, *any_ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_without_settings(),
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
        process.communicate(timeout=STOP_SECONDS)


def _without_settings() -> dict[str, str]:
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


@pytest.fixture(scope="session")
def settings(stack: Stack) -> Settings:
    """Settings of the session's Kafka and PostgreSQL; the ledger in them is everybody's."""
    return Settings(kafka_bootstrap=stack.kafka, database_url=stack.postgres, data=stack.data)


@pytest.fixture(scope="session")
def new_ledger(settings: Settings) -> Callable[..., Settings]:
    """Make a ledger nobody else uses: `new_ledger(partitions=8)` gives its settings.

    It has a database, topics, a consumer group and transactional ids of its own, and ends with
    the session's servers.
    """
    _execute(settings.database_url, f"CREATE DATABASE {TEMPLATE}")
    migrate.upgrade(_database(settings.database_url, TEMPLATE))

    def make(**changes: object) -> Settings:
        name = f"t{uuid.uuid4().hex[:10]}"
        _execute(settings.database_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        own = {
            "database_url": _database(settings.database_url, name),
            "topic_prefix": f"{name}.",
            "application": f"wallet-{name}",
        }
        ledger = settings.model_copy(update={**own, **changes})
        topics.apply(ledger, 30.0)
        return ledger

    return make


@pytest.fixture(scope="module")
def fresh_ledger(new_ledger: Callable[..., Settings]) -> Settings:
    """Settings of a ledger that belongs to this test module alone."""
    return new_ledger()


@pytest.fixture(scope="session")
def environment_of() -> Callable[[Settings], Mapping[str, str]]:
    """Give what a child process needs in its environment to work on a ledger."""

    def environment(ledger: Settings) -> Mapping[str, str]:
        said = ledger.model_dump(mode="json", exclude_none=True)
        own = {f"WALLET_{name.upper()}": str(value) for name, value in said.items()}
        return {**_without_settings(), **own}

    return environment


def _database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
