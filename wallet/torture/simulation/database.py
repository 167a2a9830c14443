"""PostgreSQL in memory: committed rows, transactions that overlay them, row locks, sessions.

READ COMMITTED, as the ledger uses it: a statement sees what was committed when it began, and its
own transaction's changes; a lock is held to the end of its transaction; who would wait in a circle
is told of a deadlock. What a session that has lost its client leaves behind is ended later.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg2
from psycopg2 import errors

from wallet.torture.simulation.rows import PartitionRow
from wallet.torture.simulation.turns import Process, Task

if TYPE_CHECKING:
    from wallet.torture.simulation.world import World

TABLES: Final = (
    "partitions",
    "wallets",
    "profiles",
    "commands",
    "transactions",
    "entries",
    "sequences",
    "arrivals",
    "refunds",
    "withdrawals",
    "credit_requests",
    "dead_letters",
)
"""`transactions` and `sequences` stand for the unique indexes of commands and entries."""

Row = Any
Key = tuple[str, Any]
"""A table and a row's key in it; also what is locked."""


class FencedByRow(psycopg2.DatabaseError):
    """The compare-and-set found another epoch or offset: SQLSTATE WS001 of open_batch."""

    pgcode = "WS001"


class Contradiction(psycopg2.InternalError):
    """Sums, or a row that changed under its lock: SQLSTATE WS002 of write_batch."""

    pgcode = "WS002"


class WouldWait(Exception):  # noqa: N818 - no error: the session has no client that could wait
    """A lock is not free."""


class Database:
    """All committed rows, the locks, and the sessions."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.tables: Final[dict[str, dict[Any, Row]]] = {name: {} for name in TABLES}
        self.locks: Final[dict[Key, dict[Transaction, bool]]] = {}
        """Who holds a lock, and whether alone."""
        self.waiting: Final[list[Transaction]] = []
        self.sessions: Final[list[Session]] = []
        self.orphans: Final[list[Session]] = []
        self.deadlocks = 0
        self.commits = 0

    def connect(self, process: Process, name: str) -> "Session":
        """Open a session for a process."""
        session = Session(self, process, name)
        self.sessions.append(session)
        return session

    def orphan(self, process: Process) -> None:
        """Take note that a process is gone; its sessions end some time later."""
        self.orphans.extend(session for session in self.sessions if session.process is process)

    def reap(self) -> None:
        """Notice that a client is gone: roll back, or do what it had sent just before."""
        self.orphans.pop(0).end(self.world.chance.random() < 0.5)  # noqa: PLR2004 - a coin


class Transaction:
    """Changes that are not committed yet, and the locks they need."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self._database = session.database
        self._changes: dict[Key, Row] = {}
        self._locks: set[Key] = set()
        self.task: Task | None = None
        self.waits_for: list[Transaction] = []
        self.note = ""
        self.timed_out = False

    def get(self, table: str, key: Any) -> Row:  # noqa: ANN401 - keys and rows of any table
        """A row as this transaction sees it now; None where there is none."""
        if (table, key) in self._changes:
            return self._changes[table, key]
        return self._database.tables[table].get(key)

    def put(self, table: str, key: Any, row: Row) -> None:  # noqa: ANN401 - as above
        """Change a row whose lock is held; None deletes it."""
        self._changes[table, key] = row

    def insert(self, table: str, key: Any, row: Row) -> None:  # noqa: ANN401 - as above
        """Insert under a unique key: waits for another transaction that inserts the same."""
        self.lock((table, key), note="key")
        if self.get(table, key) is not None:
            raise errors.UniqueViolation(f"{table} has {key}")
        self.put(table, key, row)

    def lock(self, what: Key, *, alone: bool = True, note: str = "") -> None:
        """Hold a lock to the end; waits for who holds it."""
        holders = self._database.locks.setdefault(what, {})
        while others := [one for one in holders if one is not self and (alone or holders[one])]:
            self._wait_for(others, note)
            holders = self._database.locks.setdefault(what, {})
        holders[self] = alone or holders.get(self, False)
        self._locks.add(what)

    def _wait_for(self, others: list["Transaction"], note: str) -> None:
        database, turns = self._database, self._database.world.turns
        if self.session.is_orphan:
            raise WouldWait
        self.waits_for, self.note, self.timed_out, self.task = others, note, False, turns.current
        if self._is_circle(others):
            self.waits_for = []
            raise errors.DeadlockDetected("deadlock detected")
        database.waiting.append(self)
        try:
            turns.block()
        finally:
            database.waiting.remove(self)
            self.waits_for = []
        self.session.check()
        if self.timed_out:
            raise errors.LockNotAvailable("canceling statement due to lock timeout")

    def _is_circle(self, others: list["Transaction"]) -> bool:
        """Whether one of those waits for us, through whomever."""
        seen, todo = {self}, list(others)
        while todo:
            one = todo.pop()
            if self in one.waits_for:
                self._tell_circle(one)
                return True
            if one not in seen:
                seen.add(one)
                todo.extend(one.waits_for)
        return False

    def _tell_circle(self, other: "Transaction") -> None:
        """Batches lock wallets in one order: two of them never wait for each other there."""
        self._database.deadlocks += 1
        if self.note == other.note == "wallets":
            self._database.world.wrong("a deadlock of two batches over their wallets")

    def commit(self) -> None:
        """Make the changes everybody's."""
        tables = self._database.tables
        self._database.commits += 1
        for (table, key), row in self._changes.items():
            if table == "partitions":
                self._check_progress(tables[table].get(key), row)
            if row is None:
                tables[table].pop(key, None)
            else:
                tables[table][key] = row
        self.end()

    def _check_progress(self, before: PartitionRow | None, after: PartitionRow) -> None:
        """I7: neither epoch nor offset ever goes back."""
        if before is not None and (
            after.next_offset < before.next_offset or after.epoch < before.epoch
        ):
            self._database.world.wrong(f"progress went back: {before} to {after}")

    def end(self) -> None:
        """Give the locks back, and forget the changes."""
        locks, turns = self._database.locks, self._database.world.turns
        for what in self._locks:
            holders = locks[what]
            del holders[self]
            if not holders:
                del locks[what]
        self._locks.clear()
        self._changes.clear()
        for one in self._database.waiting:
            if self in one.waits_for and one.task is not None:
                turns.wake(one.task)


class Session:
    """One connection, seen from the server: psycopg2's, as far as the ledger uses it."""

    def __init__(self, database: Database, process: Process, name: str) -> None:
        self.database = database
        self.process = process
        self.name = name
        self.transaction: Transaction | None = None
        self.is_orphan = False
        self.is_broken = False
        self.pending: Callable[[], None] | None = None
        """What was sent, and may be done although nobody hears of it."""

    def check(self) -> None:
        """Raise OperationalError when this session was ended from elsewhere."""
        if self.is_broken:
            raise psycopg2.OperationalError("server closed the connection unexpectedly")

    def step(self, what: str) -> None:
        """A point at which anything may happen to this session."""
        self.database.world.step(f"{self.name}: {what}")
        self.check()

    def answer(self, what: str) -> None:
        """Tell the client that it is done, unless the connection breaks just then."""
        if self.database.world.takes(f"{what} unanswered"):
            self.end(finish=False)
        self.check()

    def begin(self) -> Transaction:
        """Open a transaction."""
        assert self.transaction is None, "no transaction within another"
        self.transaction = Transaction(self)
        return self.transaction

    def rollback(self) -> None:
        """Forget the open transaction, if there is one."""
        if self.transaction is not None:
            self.transaction.end()
            self.transaction = None

    def commit(self) -> None:
        """Commit the open transaction."""
        assert self.transaction is not None, "a transaction is open"
        self.transaction.commit()
        self.transaction = None

    def end(self, finish: bool) -> None:  # noqa: FBT001 - whether what was sent is done
        """Server side: end a session; its client, if it lives, hears of it at its next call."""
        self.is_orphan = self.is_broken = True
        if self in self.database.sessions:
            self.database.sessions.remove(self)
        pending, self.pending = self.pending, None
        if finish and pending is not None:
            with suppress(WouldWait, psycopg2.Error):  # then it is not done
                pending()
        waiters = [one for one in self.database.waiting if one.session is self]
        self.rollback()
        for waiter in waiters:
            assert waiter.task is not None, "who waits is a task"
            self.database.world.turns.wake(waiter.task)

    def close(self) -> None:
        """Client side: end the session, unless the client is dead already."""
        if not self.process.dead and not self.is_broken:
            self.end(finish=False)

    @contextmanager
    def statement(self) -> Iterator[Transaction]:
        """The open transaction, or one for this statement alone."""
        opened = self.transaction
        if opened is not None:
            yield opened
            return
        transaction = self.begin()
        try:
            yield transaction
        except BaseException:
            if self.transaction is transaction and not self.process.dead:
                self.rollback()
            raise
        if self.transaction is transaction:
            self.commit()
