"""The ledger that is made again: commands of all partitions in one transaction, by the real rules.

Everything that decides and writes is the workers' own: Decided, the SQL functions, the texts. What
differs: one batch has commands of several partitions, since it is made in the order of the record,
and events are not left to another partition's worker but counted at once, as the log has them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from psycopg2 import extensions

from schemas.accounts import WORLD, WORLD_NAMES
from schemas.commands import Command
from schemas.decoding import RefusedCommand
from streams import sql, sql_cases
from streams.arrays import array
from streams.asked import Asked
from streams.books import Books, Payment, Wallet
from streams.deciding import Decided, reuse_key
from streams.rendering import Message
from streams.rows import Arrival, Place
from wallet.replay.failure import Difference, DiffersFailure
from wallet.replay.recorded import Next

_OPEN: Final = "SELECT clock_ahead_ms FROM open_batch(%s, %s::smallint, %s, %s, %s, '{}', '{}', 0)"
"""Compares and sets the progress of one partition; locks and takes nothing."""
_WALLETS: Final = (
    "SELECT wallet_id::text, partition, currency, status, balance_minor, sequence FROM wallets"
    " WHERE wallet_id = ANY(%s::uuid[])"
)

_SEQUENCES: Final = "SELECT wallet_id::text, sequence FROM wallets LIMIT %s"


class Start(NamedTuple):
    """Where a partition of the second ledger stands before its next batch."""

    epoch: int
    next_offset: int


class Made(NamedTuple):
    """What a batch has decided, by partition, and the events of other partitions' wallets."""

    parts: dict[int, Decided]
    arrivals: dict[int, list[Arrival]]
    wallets: Mapping[str, Wallet]


class Second:
    """Writes batches to the second ledger through one connection, inside its caller's transaction.

    `starts` are the partitions' places; they are kept up to date.
    """

    def __init__(
        self,
        cursor: extensions.cursor,
        topic: str,
        starts: dict[int, Start],
        horizon_ms: int,
    ) -> None:
        self._cursor = cursor
        self._topic = topic
        self.starts = starts
        self._horizon_ms = horizon_ms
        self.most_ahead_ms = 0
        """How far ahead of the broker's time the ledger has decided at most."""

    def write(self, batch: Sequence[Next], handed: Mapping[int, list[Arrival]]) -> Made:
        """Decide commands in their order, compare with the record, write all.

        `handed` are events that wait from before. Raises DiffersFailure on the first difference.
        """
        asked: dict[int, Asked] = {partition: Asked() for partition in self.starts}
        for command in batch:
            asked[command.partition].add(command.item.record, command.item.decoded)
        ahead_ms = self._open(asked)
        books, seen = self._look_up(list(asked.values()))
        wanted = {each for part in asked.values() for each in part.refundable}
        parts = {
            partition: Decided(self._place(partition), books, seen, wanted)
            for partition in self.starts
        }
        self._decide(parts, batch, ahead_ms)
        arrivals = _hand_over(parts, handed)
        self._write(parts, arrivals)
        return Made(parts, arrivals, books.wallets)

    def sequence(self, wallet_id: str) -> int:
        """The sequence of a wallet as it is in the database; 0 where it is not there."""
        self._cursor.execute(_WALLETS, (array([wallet_id]),))
        row = self._cursor.fetchone()
        return int(row[5]) if row else 0

    def sequences(self, most: int) -> dict[str, int] | None:
        """The sequences of all wallets; None where there are more than so many."""
        self._cursor.execute(_SEQUENCES, (most + 1,))
        if self._cursor.rowcount > most:
            return None
        return dict(self._cursor.fetchall())

    def fingerprints(self, keys: Iterable[str]) -> dict[str, str]:
        """Key -> fingerprint of the commands that have an answer."""
        self._cursor.execute(sql.SEEN, (array(keys),))
        return {key: mark.replace("-", "") for key, mark in self._cursor.fetchall()}

    def _decide(self, parts: Mapping[int, Decided], batch: Sequence[Next], ahead_ms: int) -> None:
        """Decide all.

        The ledger's time of a command is that of its answer: so a clock that was moved ahead is.
        """
        for command in batch:
            part = parts[command.partition]
            said = len(part.results)
            record, recorded = command.item.record, command.recorded
            moved = 0 if recorded is None else recorded.recorded_at_ms - record.timestamp
            part.clock_ahead_ms = ahead_ms if command.fresh else moved
            self.most_ahead_ms = max(self.most_ahead_ms, moved)
            part.take(record, command.item.decoded)
            if not command.fresh:
                _judge(command, part.results[said:])

    def _place(self, partition: int) -> Place:
        return Place(self._topic, partition, len(self.starts))

    def _open(self, asked: Mapping[int, Asked]) -> int:
        """Move every partition's progress on; the clock's advance."""
        texts, arguments = [], []
        for partition, part in asked.items():
            epoch, first = self.starts[partition]
            end = part.items[-1].record.offset + 1 if part.items else first
            texts.append(_OPEN)
            arguments += [self._topic, partition, epoch, first, end]
            self.starts[partition] = Start(epoch, end)
        self._cursor.execute(" UNION ALL ".join(texts), arguments)
        return max(int(row[0]) for row in self._cursor.fetchall())

    def _look_up(self, asked: Sequence[Asked]) -> tuple[Books, dict[str, str]]:
        """All that the commands name, and which of their ids are known, as a batch of theirs."""
        named = {each for part in asked for each in part.wallet_ids}
        books = Books(self._wallets(named), {}, horizon_ms=self._horizon_ms)
        others = self._cases(books, asked) - books.wallets.keys()
        books.wallets.update(self._wallets(others))
        keys = [key for part in asked for key in part.keys]
        seen = self.fingerprints(keys)
        reuses = [
            reuse_key(item.decoded)
            for part in asked
            for item in part.items
            if isinstance(item.decoded, Command | RefusedCommand)
            and seen.get(item.decoded.key, item.decoded.fingerprint) != item.decoded.fingerprint
        ]
        if reuses:
            seen |= self.fingerprints(reuses)
        return books, seen

    def _cases(self, books: Books, asked: Sequence[Asked]) -> set[str]:
        """Put payments, withdrawals and credit requests into the books; wallets they name."""
        others: set[str] = set()
        for row in self._rows(sql.PAYMENTS, [p.refundable for p in asked]):
            payee = WORLD_NAMES.get(row[2], row[2])
            books.payments[row[0]] = Payment(
                row[0], row[1], payee, row[3], int(row[4]), int(row[5])
            )
            others.add(payee)
        for row in self._rows(sql_cases.WITHDRAWALS, [p.withdrawals for p in asked]):
            found = sql_cases.withdrawal_of(row)
            books.withdrawals[row[0]] = found
            others |= {found.target_wallet} if found.target_wallet else set()
        for row in self._rows(sql_cases.CREDIT_REQUESTS, [p.credit_requests for p in asked]):
            books.credit_requests[row[0]] = sql_cases.credit_request_of(row)
        return others - WORLD.keys()

    def _wallets(self, wanted: Iterable[str]) -> dict[str, Wallet]:
        found = {}
        for row in self._rows(_WALLETS, [wanted]):
            wallet_id, partition, currency, status, balance, number = row
            found[wallet_id] = Wallet(
                wallet_id, partition, currency, status, int(balance), number, number
            )
        return found

    def _rows(self, text: str, wanted: Sequence[Iterable[str]]) -> Sequence[Any]:
        ids = {each for part in wanted for each in part}
        if not ids:
            return ()
        self._cursor.execute(text, (array(ids),))
        return self._cursor.fetchall()

    def _write(self, parts: Mapping[int, Decided], arrivals: Mapping[int, list[Arrival]]) -> None:
        """Write all partitions in one round trip."""
        last = max(parts)
        texts, arguments = [], []
        for partition, part in parts.items():
            whole = part.books
            part.books = _own_share(part, is_last=partition == last)
            arrived = [[a.wallet_id, str(a.sequence), a.event] for a in arrivals[partition]]
            text, values = sql.write(part.place, self.starts[partition].epoch, part, arrived)
            part.books = whole
            texts.append(text)
            arguments += values
        self._cursor.execute(";".join(texts), arguments)


def _judge(command: Next, said: Sequence[Message]) -> None:
    """Hold what is said to a command against what was. Raises DiffersFailure."""
    recorded = b"" if command.recorded is None else command.recorded.value
    again = said[0].value or b"" if said else b""
    if recorded != again:
        where = f"{command.partition}:{command.item.record.offset}"
        first, second = recorded.decode(errors="replace"), again.decode(errors="replace")
        what = "another result"
        raise DiffersFailure(Difference(what, where, first or "none", second or "none"))


def _hand_over(
    parts: Mapping[int, Decided], handed: Mapping[int, list[Arrival]]
) -> dict[int, list[Arrival]]:
    """Give the events of other partitions' wallets to these partitions, to be counted there."""
    arrivals = {partition: list(handed.get(partition, ())) for partition in parts}
    for part in parts.values():
        for arrival in part.arrivals:
            arrivals[arrival.partition].append(arrival)
        part.arrivals = []
    return arrivals


def _own_share(part: Decided, *, is_last: bool) -> Books:
    """The part of the common books that a partition writes: every change exactly once.

    Its new wallets carry the partition of who made them; all else is anybody's.
    """
    books = part.books
    if is_last:
        return Books(books.wallets, {}, books.withdrawals, books.credit_requests, books.horizon_ms)
    made = {new.wallet_id: books.wallets[new.wallet_id] for new in part.new_wallets}
    return Books(made, {}, horizon_ms=books.horizon_ms)
