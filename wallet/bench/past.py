"""A past for a scratch ledger: wallets, commands and entries as the ledger leaves them, by SQL.

Millions of commands through the ledger would take hours. Every wallet is made, gets a deposit, and
then sales and deposits in turn, so that each of its numbers follows from its own and all that the
auditor asks of a database alone holds (consumers/audit/accounts.py). No topic has these commands:
their offsets are below zero, before the log's beginning, where no claim looks for them.
"""

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from functools import partial
from typing import Final, NamedTuple, overload

import psycopg2
from psycopg2 import extensions

from producers.load import SOURCE
from schemas.accounts import WORLD, WORLD_DEPOSITS, WORLD_SALES
from schemas.settings import Settings
from wallet.bench import past_sql
from wallet.bench.telling import Telling

CHUNK: Final = 200_000
"""Commands of one statement: some 200 MB, and a bar that moves every second or two."""

MILLISECONDS_EACH: Final = 1
"""Between two commands of the past: thirty million are eight hours."""

AGO_MS: Final = 3_600_000
"""When the last of them was: what is measured must come after it, on a clock of another machine."""

TABLES: Final = ("wallets", "profiles", "commands", "entries")


class Past(NamedTuple):
    """How much is to be there. Each wallet has an entry of its making, each movement two more."""

    wallets: int
    movements: int

    @property
    def entries(self) -> int:
        """Rows of `entries`."""
        return self.wallets + 2 * self.movements

    @property
    def commands(self) -> int:
        """Rows of `commands`."""
        return self.wallets + self.movements

    @classmethod
    def of_entries(cls, entries: int, wallets: int) -> "Past":
        """The past with about so many entries; every wallet has money at least."""
        return cls(wallets, max(wallets, (entries - wallets) // 2))


class Wallets(Sequence[str]):
    """`count` wallets of a past of `of` wallets, spread evenly over it: ids, made when asked for.

    Ten million texts would be a gigabyte of the bench's own memory.
    """

    def __init__(self, count: int, of: int) -> None:
        assert 0 < count <= of, "there are so many"
        self._count, self._of = count, of

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        return wallet_id(range(self._count)[index] * self._of // self._count)


def wallet_id(number: int) -> str:
    """The id of the past's wallet of this number, from 0; past_sql makes the same."""
    name = hashlib.md5(f"wallet {number}".encode(), usedforsecurity=False).hexdigest()
    return f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"


class _Span(NamedTuple):
    """Commands of one kind of turn, on wallets that follow on each other."""

    turn: int
    """0: the wallets are made; then their first movement, their second ..."""
    first: int
    last: int


def fill(settings: Settings, past: Past, tell: Telling) -> float:
    """Put it into an empty ledger, with indexes, statistics and a checkpoint; the seconds taken."""
    start = time.perf_counter()
    with _connection(settings) as connection, _connection(settings) as other:
        filling = _Filling(settings, past, tell)
        made = _without_indexes(connection)
        filling.make_wallets(connection)
        filling.make_commands(connection, other)
        filling.finish(connection, made)
    return time.perf_counter() - start


def size_gb(settings: Settings) -> float:
    """What the ledger's database takes on disk."""
    with _connection(settings) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        (size,) = cursor.fetchone() or (0,)
        return round(int(size) / 1e9, 3)


class _Filling:
    """One filling: what is told of it, and the instant of its last command."""

    def __init__(self, settings: Settings, past: Past, tell: Telling) -> None:
        self._past = past
        self._tell = tell
        self._fixed = {
            **past._asdict(),
            "commands": past.commands,
            "until_ms": time.time_ns() // 1_000_000 - AGO_MS,
            "milliseconds": MILLISECONDS_EACH,
            "partitions": settings.partitions,
            "topic": settings.topics.commands.name,
            "source": SOURCE,
            "deposits": WORLD[WORLD_DEPOSITS],
            "sales": WORLD[WORLD_SALES],
        }

    def make_wallets(self, connection: extensions.connection) -> None:
        """Number the wallets in a table that helps, and make them as they are at the end."""
        count = self._past.wallets
        with self._tell.bar("wallets", 2 * count) as moved:
            _run(connection, [past_sql.STAGE])
            for span in _runs(0, count):
                _run(connection, [past_sql.STAGED], self._fixed | span._asdict())
                moved(span.last)
            _run(connection, [past_sql.STAGE_INDEX])
            for span in _runs(0, count):
                given = self._fixed | span._asdict()
                _run(connection, [past_sql.WALLETS, past_sql.PROFILES], given)
                moved(count + span.last)

    def make_commands(self, one: extensions.connection, other: extensions.connection) -> None:
        """Commands and entries, side by side: texts take about as long as twice the numbers."""
        done, ended = [0, 0], threading.Event()
        with self._tell.bar("commands and entries", 2 * self._past.commands) as moved:

            def run(place: int, connection: extensions.connection, statement: str) -> None:
                for span in _spans(self._past):
                    if ended.is_set():  # the other half has failed, or nobody waits any more
                        return
                    _run(connection, [statement], self._fixed | span._asdict())
                    done[place] += span.last - span.first
                    moved(sum(done))

            with ThreadPoolExecutor(2) as pool:
                halves = (
                    pool.submit(run, 0, one, past_sql.COMMANDS),
                    pool.submit(run, 1, other, past_sql.ENTRIES),
                )
                try:
                    for half in as_completed(halves):
                        half.result()
                finally:
                    ended.set()

    def finish(self, connection: extensions.connection, indexes: list[str]) -> None:
        """Indexes, and what a server does by itself in time: else it did so while we measure."""
        vacuum = [f"VACUUM (ANALYZE) {table}" for table in TABLES]
        steps = [*indexes, "DROP TABLE past_wallets", *vacuum, "CHECKPOINT"]
        with self._tell.bar(f"indexes of {self._past.entries:,} entries", len(steps)) as moved:
            for number, step in enumerate(steps, 1):
                _run(connection, [step])
                moved(number)


def _spans(past: Past) -> Iterator[_Span]:
    """All commands in the order of their time, in chunks."""
    turns, rest = divmod(past.commands, past.wallets)
    for turn in range(turns):
        yield from _runs(turn, past.wallets)
    yield from _runs(turns, rest)


def _runs(turn: int, wallets: int) -> Iterator[_Span]:
    for first in range(0, wallets, CHUNK):
        yield _Span(turn, first, min(first + CHUNK, wallets))


def _without_indexes(connection: extensions.connection) -> list[str]:
    """Take keys and indexes off, which go faster over all rows at once; how to put them back."""
    with connection.cursor() as cursor:
        cursor.execute(past_sql.KEYS, (list(TABLES),))
        keys = cursor.fetchall()
        cursor.execute(past_sql.INDEXES, (list(TABLES),))
        indexes = cursor.fetchall()
    _run(connection, [f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"' for table, name, _ in keys])
    _run(connection, [f'DROP INDEX "{name}"' for name, _ in indexes])
    return [definition for *_, definition in (*keys, *indexes)]


def _run(
    connection: extensions.connection,
    statements: Sequence[str],
    arguments: dict[str, object] | None = None,
) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, arguments)


@contextmanager
def _connection(settings: Settings) -> Iterator[extensions.connection]:
    # Nothing of a past must survive a crash of the server.
    options = (
        "-c statement_timeout=0 -c synchronous_commit=off -c maintenance_work_mem=512MB"
        " -c timezone=UTC"
    )
    reach = partial(psycopg2.connect, settings.database_url, connect_timeout=5)
    with closing(reach(application_name="wallet-bench-past", options=options)) as connection:
        connection.autocommit = True
        yield connection
