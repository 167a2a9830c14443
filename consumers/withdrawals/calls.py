"""Each call of the bank, written down before it is made and after: table bank_calls.

Every write is a compare-and-set. A call is claimed where the row is still as it was read, so two
callers never begin the same one; its outcome is written where nobody has gone on since. Only that
the bank has paid is always written, for it is always true.

The writes of many calls at once go in one statement each, from a thread of its own.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from psycopg2 import extensions

from consumers.bank.orders import Order
from consumers.bank.policy import Standing, State
from consumers.withdrawals import faults
from consumers.withdrawals.connecting import connect
from consumers.withdrawals.rows import EXECUTING, ORDER_COLUMNS, order_of, patiently
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES

STATES: Final = tuple(state.name.lower() for state in State)
"""The position of a state is its number in bank_calls.state."""

BATCH: Final = 1000
"""Most rows of one statement."""

# A call is begun only for what is executing now, and never for what has ended here; and not in a
# database that lacks a command that the delayed topic tells of (fitting.py). begun_at says since
# when an outcome is open: while the bank has certainly done nothing, each call begins anew.
# What is paid, and to whom, is the row's word: the record may be anybody's who can write there.
_CLAIM: Final = f"""
WITH claimed AS (
    INSERT INTO bank_calls AS b (withdrawal_id, begun_at, changed_at, calls, not_done, state)
    SELECT a.id, now(), now(), a.calls + 1, 0, {State.SENDING:d}
    FROM unnest(%s::uuid[], %s::integer[], %s::smallint[], %s::bigint[])
        AS a (id, calls, partition, told)
    JOIN withdrawals AS w ON w.withdrawal_id = a.id AND w.status = {EXECUTING}
    LEFT JOIN partitions AS p ON p.partition = a.partition AND p.topic = %s
    WHERE coalesce(p.next_offset, 0) > a.told
    ORDER BY a.id
    ON CONFLICT (withdrawal_id) DO UPDATE
    SET calls = excluded.calls, state = excluded.state, changed_at = excluded.changed_at,
        begun_at = CASE b.state WHEN {State.NOT_DONE:d} THEN excluded.begun_at ELSE b.begun_at END
    WHERE b.calls = excluded.calls - 1
        AND b.state IN ({State.SENDING:d}, {State.UNKNOWN:d}, {State.NOT_DONE:d})
    RETURNING withdrawal_id
)
SELECT {ORDER_COLUMNS} FROM claimed JOIN withdrawals AS w USING (withdrawal_id)
"""  # noqa: S608 - numbers of ours

# Locked in one order, so that two callers cannot deadlock over the same rows.
_RECORD: Final = f"""
WITH asked AS MATERIALIZED (
    SELECT a.*, coalesce(w.status, {EXECUTING}) AS status
    FROM unnest(%s::uuid[], %s::integer[], %s::smallint[], %s::integer[], %s::smallint[],
                %s::text[]) AS a (id, calls, old_state, not_done, state, note)
    JOIN bank_calls AS b ON b.withdrawal_id = a.id
    LEFT JOIN withdrawals AS w ON w.withdrawal_id = a.id
    ORDER BY b.withdrawal_id FOR UPDATE OF b
)
UPDATE bank_calls AS b
SET state = a.state, not_done = a.not_done, note = a.note, changed_at = now()
FROM asked AS a
WHERE b.withdrawal_id = a.id
    AND ((b.calls = a.calls AND b.state = a.old_state)
         OR (a.state = {State.PAID:d} AND b.state NOT IN ({State.PAID:d}, {State.REFUSED:d})))
RETURNING b.withdrawal_id::text, a.status
"""  # noqa: S608 - as above


class Claim(NamedTuple):
    """Begin the next call of a withdrawal whose row is as it was read."""

    key: str
    read: Standing
    partition: int
    told: int
    """The newest command on that partition that the delayed topic tells of."""


class Record(NamedTuple):
    """Write what is known now, where the row is still as it was read."""

    key: str
    read: Standing
    now: Standing


_Row = tuple[Any, ...]

_Answer = asyncio.Future[_Row | None]
"""What the statement has returned of what was written, its key first; None where it was not."""

_Waiting = tuple[Claim | Record, _Answer]


class Calls:
    """The writer of bank_calls: one connection in one thread, for callers in one loop.

    `failed` is told, in that loop, what ends it: a database away for too long, or a bug.
    """

    def __init__(self, settings: Settings, failed: Callable[[BaseException], None]) -> None:
        self._settings = settings
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._connection: extensions.connection | None = None
        self._waiting: list[_Waiting] = []
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="bank calls", daemon=True)
        self._thread.start()

    async def claim(self, claim: Claim) -> Order | None:
        """Begin the next call, and give what is to be paid. When this returns it is on disk.

        None where it is not ours.
        """
        row = await self._ask(claim)
        return None if row is None else order_of(row)

    async def record(self, key: str, read: Standing, now: Standing) -> str | None:
        """Write an outcome down; when it is so, on disk, the status that its withdrawal has then.

        None where others have gone on.
        """
        row = await self._ask(Record(key, read, now))
        return None if row is None else WITHDRAWAL_STATUSES[row[1]]

    async def close(self) -> None:
        """Write what waits, then end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    async def _ask(self, asked: Claim | Record) -> _Row | None:
        answer: _Answer = self._loop.create_future()
        with self._changed:
            self._waiting.append((asked, answer))
            self._changed.notify()
        return await answer

    def _run(self) -> None:
        try:
            while batch := self._next():
                claims = [asked for asked, _ in batch if isinstance(asked, Claim)]
                records = [asked for asked, _ in batch if isinstance(asked, Record)]
                done = self._claim(claims) | self._record(records)
                answers = [(answer, done.get(asked.key)) for asked, answer in batch]
                self._loop.call_soon_threadsafe(_resolve, answers)
        except BaseException as error:  # noqa: BLE001 - told where it can be acted upon
            self._loop.call_soon_threadsafe(self._failed, error)
        finally:
            self._forget()

    def _next(self) -> list[_Waiting]:
        """What waits, at most a batch; nothing: it is time to end. One row is in it once."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        return batch

    def _claim(self, claims: Sequence[Claim]) -> dict[str, _Row]:
        if not claims:
            return {}
        return self._write(
            _CLAIM,
            [claim.key for claim in claims],
            [claim.read.calls for claim in claims],
            [claim.partition for claim in claims],
            [claim.told for claim in claims],
            self._settings.topics.commands.name,
        )

    def _record(self, records: Sequence[Record]) -> dict[str, _Row]:
        if not records:
            return {}
        faults.reached("before-bank-record")
        done = self._write(
            _RECORD,
            [record.key for record in records],
            [record.read.calls for record in records],
            [record.read.state for record in records],
            [record.now.not_done for record in records],
            [record.now.state for record in records],
            [record.now.note for record in records],
        )
        faults.reached("after-bank-record")
        return done

    def _write(self, statement: str, *given: list[Any] | str) -> dict[str, _Row]:
        """Run one statement, which commits itself; the rows that it returns, by their keys."""

        def write() -> dict[str, _Row]:
            if self._connection is None:
                self._connection = connect(self._settings, "bank calls")
            with self._connection.cursor() as cursor:
                cursor.execute(statement, given)
                return {row[0]: row for row in cursor.fetchall()}

        return patiently(write, self._forget)

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _resolve(answers: Sequence[tuple[_Answer, _Row | None]]) -> None:
    for answer, row in answers:
        if not answer.cancelled():
            answer.set_result(row)
