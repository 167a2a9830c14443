"""The partition's row in `partitions`, the truth of progress, and the locks on it."""

from typing import Final, NamedTuple

import structlog
from psycopg2 import errors, extensions

from streams.rows import Place

log: Final = structlog.get_logger(__name__)

LOCK_ATTEMPTS: Final = 12
PATIENCE: Final = 2
"""Attempts of a second each in which the last owner may still end its transaction by itself."""


class Progress(NamedTuple):
    """How far a partition has come (schemas.tables.partitions)."""

    epoch: int
    next_offset: int
    next_event: int
    floor_offset: int
    batch_offset: int
    batch_event: int
    last_result: int
    arrived: list[tuple[str, int]]


_COLUMNS: Final = (
    "epoch, next_offset, next_event, floor_offset, batch_offset, batch_event,"
    " last_result_offset, arrived_wallets::text[], arrived_sequences"
)
_MAKE: Final = "INSERT INTO partitions (topic, partition) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_RAISE: Final = (
    "UPDATE partitions SET epoch = epoch + 1, owner = %s"  # noqa: S608 - advice or constants of ours
    f" WHERE topic = %s AND partition = %s RETURNING {_COLUMNS}"
)
_READ: Final = (
    f"SELECT {_COLUMNS} FROM partitions"  # noqa: S608 - constants of ours
    " WHERE topic = %s AND partition = %s"
)
# xmax is the transaction that holds the row; only its backend is ended, nobody else's.
_END_HOLDER: Final = (
    "SELECT a.pid, pg_terminate_backend(a.pid) FROM pg_stat_activity AS a JOIN partitions AS p"
    " ON a.backend_xid = p.xmax WHERE p.topic = %s AND p.partition = %s"
)


class NotOursError(Exception):
    """The lock on the partition's row could not be had."""


def raise_epoch(cursor: extensions.cursor, place: Place, owner: str) -> Progress:
    """Step 1 of a claim: from here on no older epoch can commit.

    Waits out an open transaction of the last owner. A frozen owner keeps its row lock beyond
    every timeout of the server, so after a while its backend is ended (FAULTS.md).
    """
    where = (place.topic, place.partition)
    cursor.execute("SET lock_timeout = '1s'")
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            cursor.execute(_RAISE, (owner, *where))
            if cursor.rowcount == 0:
                # Only now: an INSERT waits for an open UPDATE of the row it would conflict with.
                cursor.execute(_MAKE, where)
                cursor.execute(_RAISE, (owner, *where))
            return _progress(cursor)
        except errors.LockNotAvailable:
            if attempt >= PATIENCE:
                cursor.execute(_END_HOLDER, where)
                ended = [row[0] for row in cursor.fetchall()]
                log.warning("ended a frozen owner's session", partition=place.partition, pids=ended)
    raise NotOursError(f"no lock on {place.topic}[{place.partition}] in {LOCK_ATTEMPTS} s")


def read(cursor: extensions.cursor, place: Place) -> Progress:
    """The row as it is now, without a lock."""
    cursor.execute(_READ, (place.topic, place.partition))
    return _progress(cursor)


def _progress(cursor: extensions.cursor) -> Progress:
    row = cursor.fetchone()
    assert row is not None, "the row was made before it was read"
    arrived = list(zip(row[7], row[8], strict=True))
    return Progress(row[0], row[1], row[2], row[3], row[4], row[5], row[6], arrived)
