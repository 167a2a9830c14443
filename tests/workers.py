"""Worker processes for tests: started, broken and started again, and always cleaned up."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psycopg2

from producers import databases
from schemas.settings import Settings
from tests import lives
from tests.lives import Running

_OWNERS = "SELECT partition, owner FROM partitions WHERE owner IS NOT NULL"
LOOK_SECONDS = 0.05
"""Between two looks, most of which open a connection to the database."""
START_SECONDS = 60.0
STOP_SECONDS = 20.0


class Worker:
    """One `wallet worker` process of a slot; its log goes on from life to life.

    With `keep`, it is started again whenever it dies, as the supervisor would. `faults` are
    WALLET_FAULT for its first lives; all later ones have none.
    """

    words: ClassVar[tuple[str, ...]] = ("worker", "--slot")
    """The `wallet` command it runs; its slot is the last word."""

    def __init__(self, settings: Settings, slot: str, log: Path, *, keep: bool = True) -> None:
        self.slot = slot
        self.log = log
        self.deaths: list[int] = []
        self._environment = environment(settings)
        self._keep = keep
        self._faults: list[str] = []
        self._ending = threading.Event()
        self._child: Running | None = None
        self._keeper: threading.Thread | None = None

    def start(self, *faults: str) -> Self:
        """Start it; does not wait for anything."""
        self._faults = [*faults]
        self._spawn()
        self._keeper = threading.Thread(target=self._mind, daemon=True, name=f"keep {self.slot}")
        self._keeper.start()
        return self

    @property
    def pid(self) -> int:
        """The number of the process of its present life."""
        assert self._child is not None
        return self._child.pid

    @property
    def said(self) -> str:
        """Everything it has logged so far, over all lives."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; to a process that has just ended, that is nothing."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def await_said(self, text: str, timeout: float = START_SECONDS, since: int = 0) -> str:
        """Wait until its log holds a text after so many characters; give what it said since."""
        wait_until(lambda: text in self.said[since:], timeout, f"{text!r} in the log", self)
        return self.said[since:]

    def await_death(self, timeout: float = START_SECONDS, count: int = 1) -> int:
        """Wait until it has died so often; the exit code, -9 for kill -9."""
        wait_until(lambda: len(self.deaths) >= count, timeout, f"death {count}", self)
        return self.deaths[count - 1]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it for good: politely, then by kill -9."""
        self._ending.set()
        self.send_signal(signal.SIGCONT)
        self.send_signal(number)
        assert self._child is not None
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
        if self._keeper is not None:
            self._keeper.join(STOP_SECONDS)

    def _mind(self) -> None:
        while True:
            assert self._child is not None
            self.deaths.append(self._child.wait())
            if self._ending.is_set() or not self._keep or self._ending.wait(0.1):
                return
            self._spawn()

    def _spawn(self) -> None:
        fault = self._faults.pop(0) if self._faults else ""
        with self.log.open("ab") as log:
            own = {**self._environment, "WALLET_FAULT": fault}
            self._child = lives.start((*self.words, self.slot), own, log)
        if self._ending.is_set():
            self._child.kill()


class Workers:
    """All workers of one ledger; a context that leaves none behind."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.all: dict[str, Worker] = {}
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        quick = signal.SIGTERM if error is None else signal.SIGKILL
        stopping = [
            threading.Thread(target=worker.stop, args=(quick,)) for worker in self.all.values()
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join(2 * STOP_SECONDS)

    def start(self, slot: str = "1", *faults: str, keep: bool = True) -> Worker:
        """Start a worker without waiting for it."""
        worker = Worker(self.settings, slot, self._folder / f"worker-{slot}.log", keep=keep)
        self.all[slot] = worker
        return worker.start(*faults)

    def start_and_hold(self, *slots: str, timeout: float = START_SECONDS) -> list[Worker]:
        """Start workers and wait until they hold every partition, each some of them."""
        made = [self.start(slot) for slot in slots or ("1",)]
        self.await_held(timeout, len(made))
        return made

    def stop(self, slot: str) -> None:
        """Let one leave."""
        self.all.pop(slot).stop()

    def owners(self) -> dict[int, str]:
        """Which slot claimed each partition last, where that process still lives."""
        alive = {worker.pid: slot for slot, worker in self.all.items()}
        with rows(self.settings, _OWNERS) as found:
            pids = {partition: int(owner.rpartition(":")[2]) for partition, owner in found}
        return {partition: alive[pid] for partition, pid in pids.items() if pid in alive}

    def await_held(self, timeout: float = START_SECONDS, count: int = 1) -> None:
        """Wait until every partition is held by a worker that lives, by so many at least."""
        heard = -1

        def held() -> bool:
            nonlocal heard
            last, heard = heard, sum(len(worker.said) for worker in self.all.values())
            if heard == last:  # whoever claims says so: no word, no look at the database
                return False
            owners = self.owners()
            slots = set(owners.values())
            said = all("holding" in self.all[slot].said for slot in slots)
            return len(owners) == self.settings.partitions and said and len(slots) >= count

        wait_until(held, timeout, "a holder for every partition", *self.all.values())


def environment(settings: Settings) -> dict[str, str]:
    """What a child process needs in its environment to work on a ledger."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("WALLET_")}
    said = settings.model_dump(mode="json", exclude_none=True)
    return {**others, **{f"WALLET_{name.upper()}": str(value) for name, value in said.items()}}


@contextmanager
def rows(settings: Settings, query: str, *arguments: object) -> Iterator[list[tuple]]:  # type: ignore[type-arg]
    """The rows a query gives, on a connection of its own, committed."""
    connection = psycopg2.connect(settings.database_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query, arguments or None)
            yield cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def execute(settings: Settings, statement: str, *arguments: object) -> None:
    """Run a statement on the ledger's database."""
    with rows(settings, statement, *arguments):
        pass


@contextmanager
def demoted(ledger: Settings) -> Iterator[None]:
    """Its sessions that begin meanwhile write nothing, as those of a standby."""
    name = databases.name_of(ledger.database_url)
    beside = databases.beside(ledger.database_url, "postgres")
    other = ledger.model_copy(update={"database_url": beside})
    execute(other, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        yield
    finally:
        execute(other, f"ALTER DATABASE {name} RESET default_transaction_read_only")


def wait_until(done: object, timeout: float, what: str, *told_by: Worker) -> None:
    """Look until it is so; fails with the ends of the workers' logs."""
    assert callable(done)
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            ends = "\n".join(f"--- {w.slot} {w.deaths}\n{w.said[-3000:]}" for w in told_by)
            raise TimeoutError(f"no {what} within {timeout:g} s\n{ends}")
        time.sleep(LOOK_SECONDS)  # other processes' doings have no awaitable event


Environment = Mapping[str, str]
