"""The databases of a replay: the first ledger as it is, and the one that is made beside it."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from psycopg2 import extensions

from consumers.audit.snapshot import Snapshot
from producers import answering, databases
from schemas.settings import Settings
from wallet import migrate
from wallet.failure import Failure, NoAnswer, UsageFailure
from wallet.replay.plan import Standing

MARK: Final = "made by wallet replay"
"""The comment on a database that a replay has made, and another one may drop."""
MAINTENANCE: Final = "postgres"
"""The database that every server has."""
STATEMENT_MS: Final = 600_000
"""The longest of a statement: a large table is copied in one."""
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_STANDING: Final = (
    "SELECT partition, next_offset, next_event, last_result_offset, batch_event, epoch,"
    " floor_offset"
    " FROM partitions WHERE topic = %s"
)
_BUSY: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE ANY(%s)"
)
_WORKING: Final = ("lane-", "bank ", "delayed")
"""How the names of sessions begin, behind the application's, of those who act on what stands here:
workers, bank callers (who would pay again what an old backup does not know to be paid), and delayed
consumers."""


def beside(settings: Settings, name: str) -> Settings:
    """The settings of a second ledger: another database of the same server. Raises UsageFailure."""
    if not _NAME.fullmatch(name):
        raise UsageFailure(f"--into {name}: a name of small letters, digits and _, 63 at most")
    if name in (databases.name_of(settings.database_url), MAINTENANCE, "template0", "template1"):
        raise UsageFailure(f"--into {name}: that database is in use; name one that is to be made")
    address = databases.beside(settings.database_url, name)
    return settings.model_copy(update={"database_url": address})


def make(second: Settings, *, fresh: bool) -> None:
    """Make the database of a second ledger, empty; `fresh` drops one of an earlier replay.

    Raises UsageFailure where one by this name was made by no replay, or is not to be lost, and
    NoAnswer where its tables could not be made: 1 as an exit code would say that it differs.
    """
    name = databases.name_of(second.database_url)
    address = databases.beside(second.database_url, MAINTENANCE)
    opened = answering.connect(STATEMENT_MS, dsn=address, connect_timeout=5)
    with closing(opened) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _make_room(cursor, str(name), fresh=fresh)
            cursor.execute(f'CREATE DATABASE "{name}"')
            cursor.execute(f"COMMENT ON DATABASE \"{name}\" IS '{MARK}'")
    try:
        migrate.upgrade(second.database_url)
    except UsageFailure:
        raise
    except Failure as error:
        raise NoAnswer(f"{name} could not be made: {error}; --fresh begins again") from error


def _make_room(cursor: extensions.cursor, name: str, *, fresh: bool) -> None:
    cursor.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (name,)
    )
    found = cursor.fetchone()
    if found is None:
        return
    if found[0] != MARK:
        raise UsageFailure(f"there is a database {name}, and no replay has made it; name another")
    if not fresh:
        raise UsageFailure(f"{name} is a database of an earlier replay; --fresh makes it anew")
    cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def session(settings: Settings, *, safely: bool) -> Iterator[extensions.cursor]:
    """A session that makes a ledger; transactions are the caller's to begin and end.

    `safely` waits for the disk at each commit.
    """
    options = settings.database_client(
        "replay",
        statement_timeout=f"{STATEMENT_MS}ms",
        synchronous_commit="on" if safely else "off",
    )
    with closing(answering.connect(STATEMENT_MS, **options)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def standing(cursor: extensions.cursor, settings: Settings) -> dict[int, Standing]:
    """How far a ledger has come on every partition."""
    cursor.execute(_STANDING, (settings.topics.commands.name,))
    found = {row[0]: Standing(*row[1:]) for row in cursor.fetchall()}
    return {p: found.get(p, Standing()) for p in range(settings.partitions)}


def standing_of(first: Snapshot, settings: Settings) -> dict[int, Standing]:
    """How far the first ledger has come, on the partitions that it knows."""
    return {
        partition: Standing(
            each.next_offset,
            each.next_event,
            each.last_result_offset,
            floor_offset=each.floor_offset,
        )
        for partition, each in first.standing(settings.topics.commands.name).items()
    }


def take_over(cursor: extensions.cursor, settings: Settings) -> None:
    """Raise every partition's epoch, as a claim does: no worker's batch can commit after it.

    Raises UsageFailure while processes that act on it have the ledger in their hands.
    """
    cursor.execute(_BUSY, ([f"{settings.application} {each}%" for each in _WORKING],))
    (count,) = _row(cursor)
    if count:
        raise UsageFailure(
            f"{count} sessions of workers, bank callers or delayed consumers are at this ledger:"
            " stop all workers, and these, first (they start again by themselves where a"
            " supervisor minds them), then replay"
        )
    topic = settings.topics.commands.name
    for partition in range(settings.partitions):
        cursor.execute(
            "INSERT INTO partitions (topic, partition) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (topic, partition),
        )
    cursor.execute(
        "UPDATE partitions SET epoch = epoch + 1, owner = %s WHERE topic = %s",
        (f"replay@{socket.gethostname()}:{os.getpid()}", topic),
    )


def _row(cursor: extensions.cursor) -> tuple[Any, ...]:
    found = cursor.fetchone()
    assert found is not None, "an aggregate has one row"
    return found
