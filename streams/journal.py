"""The journal: one PostgreSQL transaction a batch (step 6 of the commit protocol, DESIGN.md 3).

A Journal is one connection, used by one thread. What is raised here decides a worker's fate:
FencedError means another worker holds the partition, RetriesExhaustedError and all others end the
process; the claim that follows reads the truth from the database.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import psycopg2
import structlog
from psycopg2 import errors, extensions

from producers import answering
from schemas.accounts import WORLD, WORLD_NAMES
from schemas.commands import Command
from schemas.decoding import RefusedCommand
from schemas.settings import Settings
from streams import faults, sql, sql_cases
from streams.arrays import array
from streams.asked import Asked, Item
from streams.books import Books, Payment, Wallet, Withdrawal
from streams.deciding import Decided, reuse_key
from streams.rows import Place

log: Final = structlog.get_logger(__name__)

ATTEMPTS: Final = 8
"""A lost race is tried again at once; eight in a row are no race but a fault."""

LOST_RACES: Final = (
    errors.UniqueViolation,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.SerializationFailure,
    errors.QueryCanceled,
)
"""Errors after which the same batch, decided anew on what is there now, may pass."""


class FencedError(Exception):
    """The partition's row is not at our epoch and offset: somebody else owns it."""


class RetriesExhaustedError(Exception):
    """A batch lost its race too often."""


class AppearedError(Exception):
    """A wallet that a batch has missed was made while it was decided."""


class UnseenError(Exception):
    """Readers do not see yet what the last batch said: nothing may be written."""


class Held(NamedTuple):
    """What a batch must know to compare and set: the claim's epoch, and its offsets."""

    epoch: int
    first: int
    end: int


class Written(NamedTuple):
    """A committed batch: what to publish now, and the events of other partitions before it."""

    decided: Decided
    arrived: list[str]


class Journal:
    """One connection to the ledger database, for one partition's thread."""

    def __init__(
        self,
        settings: Settings,
        place: Place,
        reach: Callable[[Settings, str], extensions.connection] | None = None,
    ) -> None:
        self.settings = settings
        self._reach = reach or connect
        self.place = place
        self._connection: extensions.connection | None = None
        self._horizon_ms = settings.withdrawal_horizon_days * 24 * 3600 * 1000

    def write(
        self, held: Held, asked: Asked, is_seen: Callable[[], bool] = lambda: True
    ) -> Written | None:
        """Decide and commit a run of records; also takes over the events that wait here.

        `is_seen` says whether readers see what the last batch has said; it is asked when all but
        the writing is done. Where they do not, nothing is written and UnseenError is raised.
        Returns only when the commit is known to have happened; None when there was nothing to do.
        """
        extra: set[str] = set()
        attempt = 1
        while attempt <= ATTEMPTS:
            cursor = self._cursor()
            try:
                written = self._attempt(cursor, held, asked, extra, is_seen)
            except UnseenError:
                cursor.execute("ROLLBACK")
                raise
            except (AppearedError, *LOST_RACES) as error:
                log.warning("batch lost a race", error=type(error).__name__, attempt=attempt)
                cursor.execute("ROLLBACK")
                # Each wallet appears once: that ends by itself, and is often where many are made.
                attempt += not isinstance(error, AppearedError)
                continue
            except psycopg2.DatabaseError as error:
                if error.pgcode != sql.FENCED:  # psycopg2 has no class for a code of our own
                    raise
                cursor.execute("ROLLBACK")
                raise FencedError(str(error)) from error
            if isinstance(written, Written):
                return written
            cursor.execute("ROLLBACK")
            if not written:
                return None
            extra |= written  # the other wallet of a refund or a withdrawal, not locked yet
        raise RetriesExhaustedError(f"a batch failed {ATTEMPTS} times, from {held.first}")

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cursor(self) -> extensions.cursor:
        if self._connection is None:
            self._connection = self._reach(self.settings, f"lane-{self.place.partition}")
        return self._connection.cursor()

    def _attempt(
        self,
        cursor: extensions.cursor,
        held: Held,
        asked: Asked,
        extra: set[str],
        is_seen: Callable[[], bool],
    ) -> Written | set[str]:
        """One try. Wallets instead of a result: try again with these locked too."""
        wallets, seen, arrived, clock_ahead_ms = self._open(cursor, held, asked, extra)
        books = Books(wallets, {}, horizon_ms=self._horizon_ms)
        missing = self._look_up_named(cursor, asked, books) - extra
        if missing or not (asked.items or arrived):
            return missing
        if seen:
            self._look_up_reuses(cursor, asked.items, seen)
        decided = Decided(self.place, books, seen, asked.refundable, clock_ahead_ms)
        for item in asked.items:
            decided.take(item.record, item.decoded)
        if decided.absent:
            self._hold_absent(cursor, decided)
        if not is_seen():
            raise UnseenError
        faults.reached("before-database-write")
        self._write(cursor, held, decided, arrived)
        return Written(decided, [line[2] for line in arrived])

    def _open(
        self, cursor: extensions.cursor, held: Held, asked: Asked, extra: set[str]
    ) -> tuple[dict[str, Wallet], dict[str, str], list[list[str]], int]:
        """Compare and set, lock, deduplicate, take over what arrived: one round trip."""
        arguments = (
            self.place.topic,
            self.place.partition,
            *held,
            array(asked.wallet_ids | extra),
            array(asked.keys),
            self.settings.arrivals_max,
        )
        cursor.execute(sql.OPEN, arguments)
        row = cursor.fetchone()
        assert row is not None, "open_batch returns one row"
        wallets = {fields[0]: _wallet(fields) for fields in _lines(row[0], 5)}
        seen = {key: mark.replace("-", "") for key, mark in _lines(row[1], 1)}
        return wallets, seen, _lines(row[2], 2), row[3]

    def _look_up_named(self, cursor: extensions.cursor, asked: Asked, books: Books) -> set[str]:
        """Put into the books what refunds and withdrawals name; give wallets yet to be locked."""
        others: set[str] = set()
        if asked.refundable:
            books.payments = self._payments(cursor, asked.refundable)
            others = {payment.payee for payment in books.payments.values()} - WORLD.keys()
        if asked.withdrawals:
            books.withdrawals = self._withdrawals(cursor, asked.withdrawals)
            targets = {found.target_wallet for found in books.withdrawals.values()}
            others |= {target for target in targets if target is not None}
        if asked.credit_requests:
            cursor.execute(sql_cases.CREDIT_REQUESTS, (array(asked.credit_requests),))
            books.credit_requests = {
                row[0]: sql_cases.credit_request_of(row) for row in cursor.fetchall()
            }
        return others - books.wallets.keys()

    def _withdrawals(self, cursor: extensions.cursor, wanted: set[str]) -> dict[str, Withdrawal]:
        """The withdrawals that commands name, as far as the database has them."""
        cursor.execute(sql_cases.WITHDRAWALS, (array(wanted),))
        return {row[0]: sql_cases.withdrawal_of(row) for row in cursor.fetchall()}

    def _payments(self, cursor: extensions.cursor, wanted: set[str]) -> dict[str, Payment]:
        """The transactions that refunds name, as far as the database has them."""
        cursor.execute(sql.PAYMENTS, (array(wanted),))
        return {
            row[0]: Payment(
                row[0],
                row[1],
                WORLD_NAMES.get(row[2], row[2]),
                row[3],
                int(row[4]),
                int(row[5]),
            )
            for row in cursor.fetchall()
        }

    def _look_up_reuses(
        self, cursor: extensions.cursor, items: Sequence[Item], seen: dict[str, str]
    ) -> None:
        """Where an id was used for other content, see whether that was already refused."""
        reuses = [
            reuse_key(item.decoded)
            for item in items
            if isinstance(item.decoded, Command | RefusedCommand)
            and seen.get(item.decoded.key, item.decoded.fingerprint) != item.decoded.fingerprint
        ]
        if reuses:
            cursor.execute(sql.SEEN, (array(reuses),))
            seen.update((key, mark.replace("-", "")) for key, mark in cursor.fetchall())

    def _hold_absent(self, cursor: extensions.cursor, decided: Decided) -> None:
        """See to it that what was not there is not made before our commit (I10).

        Two batches that each make a wallet which the other has missed would fit into no order.
        Raises AppearedError when one of the wallets has been made meanwhile.
        """
        cursor.execute(sql.HOLD_ABSENT, sql.absence_locks(decided))
        cursor.execute(sql.APPEARED, (array(decided.absent),))
        if cursor.fetchone() is not None:
            raise AppearedError

    def _write(
        self, cursor: extensions.cursor, held: Held, decided: Decided, arrived: list[list[str]]
    ) -> None:
        """Write everything and commit, in one round trip."""
        text, arguments = sql.write(self.place, held.epoch, decided, arrived)
        if faults.armed():
            cursor.execute(text, arguments)
            faults.reached("before-database-commit")
            cursor.execute("COMMIT")
        else:
            cursor.execute(text + ";COMMIT", arguments)
        faults.reached("after-database-commit")


def connect(settings: Settings, name: str) -> extensions.connection:
    """A connection in autocommit mode with every wait bounded (FAULTS.md F10).

    Raises psycopg2.OperationalError when the database cannot be reached within 5 s.
    """
    given = settings.database_client(
        name,
        lock_timeout=f"{settings.lock_timeout_ms}ms",
        idle_in_transaction_session_timeout=f"{settings.idle_in_transaction_timeout_ms}ms",
        synchronous_commit="on",
    )
    connection = answering.connect(settings.statement_timeout_ms, **given)
    connection.autocommit = True
    return connection


def _lines(text: str | None, splits: int) -> list[list[str]]:
    """The rows of an answer of open_batch: a line each, fields parted by one space."""
    return [line.split(" ", splits) for line in text.split("\n")] if text else []


def _wallet(fields: list[str]) -> Wallet:
    wallet_id, partition, currency, status, balance, sequence = fields
    number = int(sequence)
    return Wallet(wallet_id, int(partition), currency, int(status), int(balance), number, number)
