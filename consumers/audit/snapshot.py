"""One view of the database: a read-only REPEATABLE READ transaction, shared by several sessions."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from psycopg2.extensions import connection

from producers import answering

ROWS: Final = 10_000
"""Rows fetched from a server-side cursor at once: some 10 MB of results."""

ANSWER_MS: Final = 3_600_000
"""The longest an answer is waited for: before its first rows, a hundred million are sorted."""

Waiting = tuple[str, int]
"""An event that its partition's writer has not published yet: wallet and sequence."""


class Standing(NamedTuple):
    """How far the ledger has come on one partition (table partitions)."""

    next_offset: int = 0
    next_event: int = 0
    last_result_offset: int = -1
    floor_offset: int = -1


class Snapshot:
    """A view of the database that nothing changes while it is looked at.

    `shared` joins the view of another snapshot, whose transaction must still be open.
    """

    def __init__(self, database_url: str, shared: str | None = None) -> None:
        self._url = database_url
        self._connection = _connect(database_url)
        if shared is not None:
            with self._connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION SNAPSHOT %s", (shared,))

    def close(self) -> None:
        """End the view."""
        self._connection.close()

    def renew(self) -> None:
        """Look at the database as it is now."""
        self._connection.rollback()

    def name(self) -> str:
        """What another session needs to see the same."""
        return str(self.all("SELECT pg_export_snapshot()")[0][0])

    def another(self) -> "Snapshot":
        """The same view through a session of its own, for another thread."""
        return Snapshot(self._url, self.name())

    def all(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Every row of a small answer."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a large answer, through a server-side cursor."""
        with self._connection.cursor(name="audit") as cursor:
            cursor.execute(sql)
            while rows := cursor.fetchmany(ROWS):
                yield rows

    def standing(self, topic: str) -> dict[int, Standing]:
        """Progress of every partition of the commands topic that was ever claimed."""
        rows = self.all(
            "SELECT partition, next_offset, next_event, last_result_offset, floor_offset"
            " FROM partitions WHERE topic = %s",
            (topic,),
        )
        return {row[0]: Standing(*row[1:]) for row in rows}

    def advances(self) -> frozenset[int]:
        """How far a development copy's clock was moved ahead in all, each time; milliseconds."""
        return frozenset(row[0] for row in self.all("SELECT ahead_ms FROM clock"))

    def waiting(self) -> set[Waiting]:
        """Events that wait for the writer of their partition."""
        rows = self.all("SELECT wallet_id::text, sequence FROM arrivals")
        return {(row[0], row[1]) for row in rows}


def _connect(database_url: str) -> connection:
    opened = answering.connect(
        ANSWER_MS,
        dsn=database_url,
        connect_timeout=10,
        application_name="wallet-verify",
        # Its transaction waits for Kafka.
        options=f"-c statement_timeout={ANSWER_MS} -c idle_in_transaction_session_timeout=0",
    )
    opened.set_session(isolation_level="REPEATABLE READ", readonly=True)
    return opened
