"""What the functions of 0001_ledger.sql do, on the simulated database: open_batch, write_batch.

Each method is one statement within them. Between two statements, and wherever a lock is waited
for, other sessions go on: there each statement sees what was committed until it began.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg2 import errors

from schemas.accounts import WORLD
from wallet.torture.simulation.database import (
    Contradiction,
    FencedByRow,
    Transaction,
)
from wallet.torture.simulation.rows import (
    EntryRow,
    PartitionRow,
    StoredCommand,
    WalletRow,
    items,
    numbers,
    some,
    some_number,
)

WORLD_IDS: Final = tuple(WORLD.values())


class BatchFunctions:
    """open_batch and write_batch. A mutant of the protocol overrides one method."""

    def open_batch(self, txn: Transaction, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Compare and set, lock, look, take over: one row of texts."""
        topic, partition, epoch, first, end, wallet_ids, keys, most = arguments
        row = self.lock_progress(txn, (topic, partition))
        if row is None or not self.is_ours(row, epoch, first):
            raise FencedByRow(f"fenced: {topic} {partition} is no longer at {epoch}, {first}")
        txn.put(
            "partitions",
            (topic, partition),
            row._replace(
                next_offset=end,
                floor_offset=row.last_result_offset,
                batch_offset=first,
                batch_event=row.next_event,
                arrived_wallets=(),
                arrived_sequences=(),
            ),
        )
        looked_up = self.look_up_early(txn, items(keys))
        wanted = items(wallet_ids)
        wallets = self.lock_wallets(txn, wanted)
        if len(wallets) < len(wanted):
            wallets = self.look_again(txn, wanted, wallets)
        txn.session.step("dedupe")
        seen = looked_up if looked_up is not None else self.seen(txn, items(keys))
        arrived = self.take_arrivals(txn, partition, set(wanted), most)
        lines = ("\n".join(map(" ".join, texts)) or None for texts in (wallets, seen, arrived))
        return [(*lines, 0)]

    def lock_progress(self, txn: Transaction, key: tuple[str, int]) -> PartitionRow | None:
        """Wait for the partition's row."""
        txn.lock(("partitions", key), note="progress")
        row: PartitionRow | None = txn.get("partitions", key)
        return row

    def is_ours(self, row: PartitionRow, epoch: int, first: int) -> bool:
        """The compare-and-set: nobody has claimed the partition, and this is the next offset."""
        return row.epoch == epoch and row.next_offset == first

    def look_up_early(self, _txn: Transaction, _keys: list[str]) -> list[list[str]] | None:
        """Look for known ids before the locks: nothing sound does that."""
        return None

    def order(self, _txn: Transaction, wallet_ids: Iterable[str]) -> list[str]:
        """In which order wallets are locked: the same for everybody."""
        return sorted(wallet_ids)

    def lock_wallets(self, txn: Transaction, wallet_ids: list[str]) -> list[list[str]]:
        """Lock the wallets that were there when the statement began; as they are under the lock."""
        there = [one for one in self.order(txn, wallet_ids) if txn.get("wallets", one) is not None]
        found = []
        for wallet_id in there:
            txn.session.step("lock a wallet")
            txn.lock(("wallets", wallet_id), note="wallets")
            found.append([str(field) for field in txn.get("wallets", wallet_id)])
        return found

    def look_again(
        self, txn: Transaction, wallet_ids: list[str], _found: list[list[str]]
    ) -> list[list[str]]:
        """Lock once more, with a new snapshot: wallets may have been made while we waited."""
        found = []
        for wallet_id in self.order(txn, wallet_ids):
            if txn.get("wallets", wallet_id) is not None:
                txn.lock(("wallets", wallet_id), note="new wallets")
                found.append([str(field) for field in txn.get("wallets", wallet_id)])
        return found

    def seen(self, txn: Transaction, keys: list[str]) -> list[list[str]]:
        """The known ids, with their fingerprints."""
        rows = [txn.get("commands", key) for key in keys]
        return [[row.key, row.fingerprint] for row in rows if row is not None]

    def take_arrivals(
        self, txn: Transaction, partition: int, wallet_ids: set[str], most: int
    ) -> list[list[str]]:
        """All events that wait for our wallets, and a share of the partition's others."""
        waiting = sorted(key for key in txn.session.database.tables["arrivals"])
        here = [key for key in waiting if key[0] == partition]
        mine = {key for key in here if key[1] in wallet_ids} | set(here[:most])
        taken = []
        for key in sorted(mine):
            txn.lock(("arrivals", key), note="arrivals")
            event = txn.get("arrivals", key)
            if event is not None:  # else another one took it while we waited
                txn.put("arrivals", key, None)
                taken.append([key[1], str(key[2]), event])
        return taken

    def write_batch(self, txn: Transaction, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Everything decided: progress, commands, entries, balances."""
        topic, partition, epoch, events, last, _, wallets, sequences, *rows = arguments
        key = (topic, partition)
        row = txn.get("partitions", key)
        if row is not None and row.epoch == epoch:
            txn.put(
                "partitions",
                key,
                row._replace(
                    next_event=row.next_event + events,
                    last_result_offset=max(row.last_result_offset, last),
                    arrived_wallets=tuple(items(wallets)),
                    arrived_sequences=tuple(numbers(sequences)),
                ),
            )
        self._commands(txn, partition, rows[:6])
        self._entries(txn, rows[6:13])
        self._wallets(txn, rows[14:20])
        return [(None,)]

    def _commands(self, txn: Transaction, partition: int, columns: Sequence[Any]) -> None:
        keys, marks, transactions, offsets, results, details = columns
        for key, mark, transaction, offset, result, detail in zip(
            items(keys),
            items(marks),
            items(transactions),
            numbers(offsets),
            results.split("\n"),
            details.split("\n"),
            strict=False,  # no rows at all are one empty text
        ):
            made = some(transaction)
            stored = StoredCommand(key, mark, made, partition, offset, result, detail or None)
            txn.insert("commands", key, stored)
            if made is not None:
                txn.insert("transactions", made, key)

    def _entries(self, txn: Transaction, columns: Sequence[Any]) -> None:
        sums: dict[str, int] = {}
        for fields in zip(*map(items, columns), strict=True):
            account, transaction, amount, currency = fields[0], fields[1], int(fields[3]), fields[5]
            sequence, world = some_number(fields[2]), int(fields[6])
            self._entry(
                txn,
                EntryRow(account, transaction, sequence, amount, some_number(fields[4]), currency),
            )
            if world:
                other = WORLD_IDS[world - 1]
                self._entry(txn, EntryRow(other, transaction, None, -amount, None, currency))
            else:
                sums[currency] = sums.get(currency, 0) + amount
        if any(sums.values()):
            raise Contradiction("the entries of a batch do not sum to zero")

    def _entry(self, txn: Transaction, row: EntryRow) -> None:
        txn.put("entries", (row.account_id, row.transaction_id, row.sequence, row.currency), row)
        if row.sequence is not None:
            key = (row.account_id, row.sequence)
            if txn.get("sequences", key) is not None:
                raise errors.UniqueViolation(f"entries_of_wallet has {key}")
            txn.put("sequences", key, row.transaction_id)

    def _wallets(self, txn: Transaction, columns: Sequence[Any]) -> None:
        for wallet_id, balance, old, new, status, _ in zip(*map(items, columns), strict=True):
            txn.lock(("wallets", wallet_id), note="wallets at the end")
            row: WalletRow = txn.get("wallets", wallet_id)
            if row.sequence != int(old):
                raise Contradiction("a wallet changed under its lock")
            txn.put(
                "wallets",
                wallet_id,
                row._replace(balance_minor=int(balance), sequence=int(new), status=int(status)),
            )
