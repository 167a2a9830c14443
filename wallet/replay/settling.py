"""The end of a replay: the second ledger's rows say of the log what is so, and a worker can go on.

A claim compares the two: it publishes what the database has beyond the log, and refuses where the
log has more. So what was never published must stand where a claim looks for it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from psycopg2 import extensions

from consumers.bank.policy import State
from consumers.withdrawals.rows import EXECUTING
from schemas import events
from schemas.settings import Settings
from streams import retelling
from streams.arrays import array
from streams.progress import read
from streams.rendering import Message, waiting_text
from streams.rows import Arrival, Place
from wallet.failure import Failure
from wallet.replay.plan import Part
from wallet.replay.said import Said, Unsaid

_ARRIVED: Final = "DELETE FROM arrivals RETURNING partition, wallet_id::text, sequence, event"
_WAIT: Final = (
    "INSERT INTO arrivals (partition, wallet_id, sequence, event) VALUES (%s, %s::uuid, %s, %s)"
)
_SETTLE: Final = (
    "UPDATE partitions SET next_event = next_event - %s, batch_event = next_event - %s - %s,"
    " batch_offset = least(next_offset, %s), floor_offset = least(last_result_offset, %s),"
    " arrived_wallets = %s::uuid[], arrived_sequences = %s::bigint[]"
    " WHERE topic = %s AND partition = %s"
)
_CLOCK: Final = (
    "INSERT INTO clock (ahead_ms) SELECT %s"
    " WHERE %s > (SELECT coalesce(max(ahead_ms), 0) FROM clock)"
)
# What the bank was told since is not known: each call of what is executing may have been made. The
# clock's own time, not that of the transaction, which may be long: a bank caller leaves alone for a
# while what was just begun, and until then a worker has read what the log says of its end.
_DOUBT: Final = f"""
INSERT INTO bank_calls AS b (withdrawal_id, begun_at, changed_at, calls, not_done, state, note)
SELECT w.withdrawal_id, clock_timestamp(), clock_timestamp(), 1, 0, {State.SENDING:d},
       'replayed: calls may have been made'
FROM withdrawals AS w WHERE w.status = {EXECUTING}
ON CONFLICT (withdrawal_id) DO UPDATE
SET state = excluded.state, begun_at = excluded.begun_at, changed_at = excluded.changed_at,
    note = excluded.note
WHERE b.state = {State.NOT_DONE:d}
"""  # noqa: S608 - numbers of ours
_CARRIED: Final = ("ce_correlationid", "ce_traceparent")


def begin(
    cursor: extensions.cursor, settings: Settings, parts: Iterable[Part], said: Said
) -> dict[int, list[Arrival]]:
    """Take up what waits in the database that a replay goes on from: by partition.

    Events of other partitions, and those of a newest batch that was never published.
    """
    topics = settings.topics
    for part in parts:
        if part.is_unpublished:
            place = Place(topics.commands.name, part.partition, settings.partitions)
            progress = read(cursor, place)
            arrived = set(progress.arrived)
            for message in retelling.stored_events(cursor, place, progress):
                _expect(said, part.partition, message, arrived)
    cursor.execute(_ARRIVED)
    waiting: dict[int, list[Arrival]] = {}
    for row in cursor.fetchall():
        waiting.setdefault(row[0], []).append(Arrival(*row))
    return waiting


def _expect(said: Said, partition: int, message: Message, arrived: set[tuple[str, int]]) -> None:
    value = message.value or b""
    event = events.decode(value)
    own = (event.wallet_id, event.sequence)
    extras = {
        name.removeprefix("ce_"): text.decode()
        for name, text in message.headers
        if name in _CARRIED and isinstance(text, bytes)
    }
    arrival = Arrival(partition, *own, waiting_text(value.decode(), extras))
    said.expect(partition, value, arrival if own in arrived else None)


def settle(
    cursor: extensions.cursor,
    settings: Settings,
    parts: Iterable[Part],
    unsaid: Mapping[int, Unsaid],
) -> None:
    """Put what was never published where workers find it."""
    topic = settings.topics.commands.name
    for part in parts:
        found = unsaid[part.partition]
        arrived, waiting = _parted(found)
        for arrival in waiting:
            cursor.execute(_WAIT, arrival)
        counts = (len(waiting), len(waiting), len(found.own) + len(arrived))
        bounds = (max(part.said + 1, 0) if found.own else part.end, part.said)
        first = (array(a.wallet_id for a in arrived), array(a.sequence for a in arrived))
        cursor.execute(_SETTLE, (*counts, *bounds, *first, topic, part.partition))


def _parted(unsaid: Unsaid) -> tuple[list[Arrival], list[Arrival]]:
    """The waiting events that a claim must publish before its newest batch's own, and the rest.

    Those of a wallet whose own event follows. Raises Failure where one comes between its own.
    """
    own: dict[str, list[int]] = {}
    for value in unsaid.own:
        event = events.decode(value)
        own.setdefault(event.wallet_id, []).append(event.sequence)
    arrived, rest = [], []
    for arrival in sorted(unsaid.waiting, key=lambda each: (each.wallet_id, each.sequence)):
        mine = own.get(arrival.wallet_id, [])
        if not mine or arrival.sequence > max(mine):
            rest.append(arrival)
        elif arrival.sequence < min(mine):
            arrived.append(arrival)
        else:
            raise Failure(
                f"event {arrival.sequence} of wallet {arrival.wallet_id} comes between two that a"
                " worker would publish as one batch; restore a younger backup"
            )
    return arrived, rest


def doubt_calls(cursor: extensions.cursor) -> None:
    """Let the bank caller take it that the bank was called for all that is executing.

    So it asks or sends again under the same key; and where the bank knows none, a person looks.
    """
    cursor.execute(_DOUBT)


def check_numbers(
    cursor: extensions.cursor, settings: Settings, numbers: Mapping[int, int]
) -> None:
    """See that every partition's events have as many numbers as its log. Raises Failure."""
    cursor.execute(
        "SELECT partition, batch_event FROM partitions WHERE topic = %s",
        (settings.topics.commands.name,),
    )
    found = dict(cursor.fetchall())
    wrong = {p: (found[p], number) for p, number in numbers.items() if found[p] != number}
    if wrong:
        raise Failure(f"events counted and events in the log, by partition, differ: {wrong}")


def keep_clock(cursor: extensions.cursor, ahead_ms: int) -> None:
    """Let the clock be no less ahead than the record says that it was."""
    cursor.execute(_CLOCK, (ahead_ms, ahead_ms))


def copy_clock(cursor: extensions.cursor, advances: Iterable[int]) -> None:
    """Move a new ledger's clock ahead as the first one's was."""
    cursor.execute("INSERT INTO clock (ahead_ms) SELECT unnest(%s::bigint[])", (array(advances),))
