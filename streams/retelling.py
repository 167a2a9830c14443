"""What the database stores of a batch, as messages again, byte for byte as they were first said.

A claim uses it for the batch that was committed but perhaps not published.
"""

from collections.abc import Iterable
from typing import Any, Final

from psycopg2 import extensions

from schemas import results
from schemas.accounts import WORLD_NAMES
from schemas.results import AnyResult, CommandRef
from streams import dead_letters, rendering
from streams.arrays import array
from streams.books import Entry
from streams.progress import Progress
from streams.rendering import Details, Message, Telling
from streams.rows import Place

_RESULTS: Final = (
    "SELECT command_key::text, result, details FROM commands"
    ' WHERE partition = %s AND "offset" > %s AND "offset" < %s ORDER BY "offset"'
)
_DEAD_LETTERS: Final = (
    'SELECT "offset", reason, record::text FROM dead_letters'
    ' WHERE partition = %s AND "offset" > %s AND "offset" < %s ORDER BY "offset"'
)
_OWN: Final = (
    "SELECT transaction_id::text FROM commands WHERE partition = %s"
    ' AND "offset" >= %s AND "offset" < %s AND transaction_id IS NOT NULL ORDER BY "offset"'
)
_ARRIVED: Final = (
    "SELECT e.transaction_id::text FROM unnest(%s::uuid[], %s::bigint[]) WITH ORDINALITY"
    " AS a (wallet_id, sequence, place) JOIN entries AS e"
    " ON e.account_id = a.wallet_id AND e.sequence = a.sequence ORDER BY a.place"
)
_COMMANDS: Final = (
    "SELECT transaction_id::text, result, details FROM commands"
    " WHERE transaction_id = ANY(%s::uuid[])"
)
# The bounds let the BRIN index pass over all but the newest pages.
_ENTRIES: Final = (
    "SELECT e.transaction_id::text, e.account_id::text, e.sequence, e.amount_minor,"
    " e.balance_minor, e.currency, w.partition FROM entries AS e LEFT JOIN wallets AS w"
    " ON w.wallet_id = e.account_id WHERE e.transaction_id BETWEEN %s AND %s"
    " AND e.transaction_id = ANY(%s::uuid[]) ORDER BY e.amount_minor, e.account_id"
)


def stored_results(
    cursor: extensions.cursor, place: Place, after: int, before: int
) -> list[tuple[CommandRef, Message, Message | None]]:
    """The results of commands at offsets between the two: which, result, a withdrawal's step."""
    cursor.execute(_RESULTS, (place.partition, after, before))
    told: list[tuple[CommandRef, Message, Message | None]] = []
    for key, text, details in cursor.fetchall():
        result = results.decode(text)
        telling = _telling(result, rendering.details_of(details))
        kind = rendering.COMPLETED if result.status == "completed" else rendering.REJECTED
        said = telling.result(key, text, result.wallet_id, kind)
        withdrawal, step = result.withdrawal, None
        if withdrawal is not None:
            assert result.wallet_id is not None, "what was done names its wallet"
            step = telling.step(result.wallet_id, withdrawal.id, withdrawal.status)
        told.append((result.command, said, step))
    return told


def _telling(result: AnyResult, details: Details) -> Telling:
    """As a batch has told what became of a command."""
    telling = Telling(result.command, result.recorded_at, details.extras)
    about = result.withdrawal or result.credit_request
    if about is not None:
        telling.about(about)
    return telling


def stored_dead_letters(
    cursor: extensions.cursor, place: Place, after: int, before: int
) -> list[Message]:
    """The dead letters from offsets between the two, in order."""
    cursor.execute(_DEAD_LETTERS, (place.partition, after, before))
    return [
        dead_letters.dead_message(place, offset, reason, text)
        for offset, reason, text in cursor.fetchall()
    ]


def stored_events(cursor: extensions.cursor, place: Place, progress: Progress) -> list[Message]:
    """The events of the newest batch: those that had arrived, then its own, numbered."""
    wallets = array(wallet_id for wallet_id, _ in progress.arrived)
    sequences = array(sequence for _, sequence in progress.arrived)
    cursor.execute(_ARRIVED, (wallets, sequences))
    arrived = [row[0] for row in cursor.fetchall()]
    cursor.execute(_OWN, (place.partition, progress.batch_offset, progress.next_offset))
    own = [row[0] for row in cursor.fetchall()]
    if not arrived and not own:
        return []
    told = _Transactions(cursor, {*arrived, *own})
    messages = [
        told.event(transaction, wallet_id)
        for transaction, (wallet_id, _) in zip(arrived, progress.arrived, strict=True)
    ]
    for transaction in own:
        messages += told.events_on(transaction, place.partition)
    return rendering.numbered(messages, progress.batch_event)


class _Transactions:
    """Some transactions with all their entries, read at once."""

    def __init__(self, cursor: extensions.cursor, ids: set[str]) -> None:
        wanted = array(ids)
        cursor.execute(_COMMANDS, (wanted,))
        self._commands = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
        cursor.execute(_ENTRIES, (min(ids), max(ids), wanted))
        self._entries: dict[str, list[tuple[Any, ...]]] = {}
        for row in cursor.fetchall():
            self._entries.setdefault(row[0], []).append(row[1:])

    def events_on(self, transaction_id: str, partition: int) -> Iterable[Message]:
        """The events of a transaction's wallets that live on this partition, debits first."""
        for account, _, _, _, _, home in self._entries[transaction_id]:
            if home == partition:
                yield self.event(transaction_id, account)

    def event(self, transaction_id: str, wallet_id: str) -> Message:
        """The event of one wallet of a transaction."""
        text, stored = self._commands[transaction_id]
        details = rendering.details_of(stored)
        result = results.decode(text)
        rows = self._entries[transaction_id]
        told = sorted(rows, key=lambda row: row[4] != result.currency)  # an exchange has two pairs
        entries = [Entry(WORLD_NAMES.get(row[0], row[0]), int(row[2]), row[4]) for row in told]
        mine = next(row for row in rows if row[0] == wallet_id)
        telling = _telling(result, details)
        telling.post(transaction_id, entries, mine[4], details)
        said = telling.event_text(wallet_id, mine[1], int(mine[2]), int(mine[3]), mine[4])
        return telling.event(wallet_id, mine[1], said)
