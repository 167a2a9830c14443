"""The stage: what a strike may do to the running copy, and what it may wait for."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import psycopg2

from wallet import migrate, topics
from wallet.local.lag import LagUnknownError
from wallet.torture.copy import Copy, bank_answers
from wallet.torture.faults import FaultError, Ground, LateError, Raw
from wallet.torture.load import Load
from wallet.torture.silence import Gap
from wallet.torture.watch import Watch

LOOK_SECONDS: Final = 0.03
"""Between two looks: no event crosses from other processes."""

LIFE_SECONDS: Final = 60.0
"""A process that was to be ended is started again by then."""

_OWNERS: Final = "SELECT partition, owner FROM partitions WHERE topic = %s AND owner IS NOT NULL"


class RunningStage:
    """The stage of a run (faults.Stage). `ending` is set when the run is to come to its end."""

    def __init__(
        self, ground: Ground, copy: Copy, load: Load, watch: Watch, ending: threading.Event
    ) -> None:
        self.ground = ground
        self.settings = copy.settings
        self._copy = copy
        self._load = load
        self._watch = watch
        self._ending = ending
        self._admin = topics.client(copy.settings)

    def workers(self) -> tuple[str, ...]:
        """The names of the workers that are kept running, by slot."""
        return self._copy.workers()

    def pid(self, name: str) -> int | None:
        """Number of a process; None while it is not running."""
        try:
            return self._copy.process(name).pid
        except KeyError:
            return None

    def owned(self, name: str) -> frozenset[int]:
        """The partitions that a worker's present life has claimed last."""
        pid = self.pid(name)
        try:
            return frozenset(p for p, owner in self._owners().items() if owner == pid)
        except psycopg2.Error as error:
            raise FaultError(f"nobody says who holds what: {error}") from error

    def signal(self, name: str, number: signal.Signals) -> int | None:
        """Send a signal to a process; its number, None when it is not running."""
        pid = self.pid(name)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                return pid
        return None

    def await_new_life(self, name: str, old: int, limit: float) -> int:
        """Wait until a process that was `old` has been started again; its new number."""

        def reborn() -> bool:
            return self.pid(name) not in (None, old)

        self.wait_until(reborn, limit, f"new {name}")
        return self.pid(name) or old

    def await_answers(self, name: str, limit: float) -> float:
        """Wait until a server answers (directly); the monotonic moment."""
        asks: Mapping[str, Callable[[], bool]] = {
            "kafka": lambda: topics.answers(self._admin),
            "postgres": lambda: migrate.refusal(self.settings.database_url) is None,
            "pretend-bank": lambda: bank_answers(self.settings),
        }
        self.wait_until(asks[name], limit, f"answer of {name}")
        return time.monotonic()

    def next_life(self, name: str, environment: Mapping[str, str]) -> None:
        """Add this to a process's environment, in its next life only."""
        process = self._copy.process(name)
        usual, life = process.spec, process.restarts
        process.spec = replace(usual, environment={**usual.environment, **environment})

        def put_back() -> None:
            with suppress(LateError):
                self._wait(
                    lambda: process.restarts > life and process.pid is not None,
                    LIFE_SECONDS,
                    f"new life of {name}",
                )
            process.spec = usual

        threading.Thread(target=put_back, name=f"next life of {name}", daemon=True).start()

    def restart(self, name: str, limit: float) -> None:
        """End a process politely and wait until it runs again."""
        old = self.signal(name, signal.SIGTERM)
        if old is not None:
            self.await_new_life(name, old, limit)

    def keep_workers(self, count: int) -> None:
        """Have so many workers: starts slots, or ends them politely, the last first."""
        while (now := len(self.workers())) != count:
            if now < count:
                self._copy.add_worker(now + 1)
            else:
                self._copy.remove_worker(now)

    def await_held(self, limit: float) -> None:
        """Wait until every partition is held by a worker that lives, and each worker has some."""
        partitions = self.settings.partitions

        def held() -> bool:
            alive = {self.pid(name) for name in self.workers()}
            owners = {owner for owner in self._owners().values() if owner in alive}
            all_held = sum(owner in alive for owner in self._owners().values()) == partitions
            return all_held and len(owners) == min(partitions, len(alive))

        self.wait_until(held, limit, "holder for every partition")

    def gaps(self, since: float, until: float) -> list[Gap]:
        """The silences that reach into a span of monotonic moments."""
        return self._watch.silence.gaps(since, until)

    def await_progress(self, limit: float, partitions: frozenset[int] | None = None) -> float:
        """Wait until each partition has told a result that was not there yet; the seconds."""
        since = time.monotonic()
        wanted = range(self.settings.partitions) if partitions is None else partitions

        def moved() -> bool:
            return all(self._watch.last_heard(p) > since for p in wanted)

        self._wait(moved, limit, "progress on every partition")
        return time.monotonic() - since

    def send(self, *records: Raw) -> None:
        """Put records into the commands topic, in between the load's; they are accounted for."""
        self._load.put_raw(records)

    def pause(self, seconds: float) -> None:
        """Let things go on as they are for a while; returns at once when the run is to end."""
        self._ending.wait(seconds)

    def wait_until(self, done: Callable[[], bool], limit: float, what: str) -> None:
        """Look until it is so. A server that does not answer is no yes."""

        def look() -> bool:
            try:
                return done()
            except (psycopg2.Error, LagUnknownError):
                return False

        self._wait(look, limit, what)

    def _wait(self, done: Callable[[], bool], limit: float, what: str) -> None:
        deadline = time.monotonic() + limit
        while not done():
            if time.monotonic() > deadline:
                raise LateError(f"no {what} within {limit:g} s")
            time.sleep(LOOK_SECONDS)  # no event crosses from other processes

    def _owners(self) -> dict[int, int]:
        """Partition -> number of the process that claimed it last. Raises psycopg2.Error."""
        connection = psycopg2.connect(
            self.settings.database_url, connect_timeout=5, options="-c statement_timeout=5000"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(_OWNERS, (self.settings.topics.commands.name,))
                return {row[0]: int(row[1].rpartition(":")[2]) for row in cursor.fetchall()}
        finally:
            connection.close()
