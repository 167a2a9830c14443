"""Fixtures of the whole suite: a real Kafka and PostgreSQL a process, a fresh ledger a module."""

import os
import signal
import sys
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

import hypothesis
import psycopg2
import pytest

from schemas.settings import Settings
from tests.stacks import Stack, data_folder, running, without_settings
from wallet import migrate, topics

WHOLE: tuple[list[str], ...] = ([], ["tests"])
PROCESSES = 3
"""Of the whole suite. Most tests wait for other processes: with three, two cores have work."""
LONG = ("fault", "long", "timeout")
"""Marks of tests that take 20 seconds and more; one with a time limit of its own keeps it."""
LONG_SECONDS = 300
"""What one of these may take, servers started for it included: 80 alone, and three go at once."""
TEMPLATE = "template_ledger"

# Seconds say how busy the machine is, not what is wrong.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


# A test starts a dozen Pythons, each of which would first compile a second of source again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure() -> None:
    """Take Ctrl-C even as a shell's background job, whose children would ignore it too.

    SIGTERM is Ctrl-C as well: `timeout` and a build server that gives up leave no folders behind.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run the whole suite in several processes, each with servers of its own; a part in one."""
    chosen = config.getoption("keyword") or config.getoption("markexpr")
    is_whole = config.getoption("file_or_dir") in WHOLE and not chosen
    return PROCESSES if is_whole else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every process begin with its part of the long ones, so that none is left at the end.

    Else the order stays, random as it is. xdist gives each process a run of the whole first.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    is_long = [any(map(item.get_closest_marker, LONG)) for item in items]
    long = [item for item, yes in zip(items, is_long, strict=True) if yes]
    rest = [item for item, yes in zip(items, is_long, strict=True) if not yes]
    for item in long:
        item.add_marker(pytest.mark.timeout(LONG_SECONDS))
    size = -(-len(rest) // count)
    shares = (long[n::count] + rest[n * size : (n + 1) * size] for n in range(count))
    items[:] = [item for share in shares for item in share]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure what the servers said last."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack is not None:
        words = stack.last_words().items()
        report.sections += [(f"the end of {log}", said) for log, said in words]
    return report


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Real Kafka and PostgreSQL, as `wallet up` starts them; each xdist worker has its own."""
    with data_folder() as data, running(data) as found:
        yield found


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder for a copy of the test's own, deleted afterwards."""
    with data_folder() as folder:
        yield folder


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
        return {**without_settings(), **own}

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
