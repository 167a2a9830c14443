"""The statements that the ledger sends, each told by its first words, as methods."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from schemas.accounts import WORLD
from wallet.torture.simulation.batch_sql import BatchFunctions
from wallet.torture.simulation.database import Contradiction, Transaction
from wallet.torture.simulation.rows import (
    CreditRequestRow,
    PartitionRow,
    StoredCommand,
    WalletRow,
    WithdrawalRow,
    items,
    numbers,
)

Answer = list[tuple[Any, ...]]
Handler = Callable[[Transaction, Sequence[Any]], Answer]

_WORLD_IDS: Final = frozenset(WORLD.values())
_PAYMENTS: Final = ('"type":"charge_sale.v1"', '"type":"transfer.v1"')

HANDLERS: Final[tuple[tuple[str, str], ...]] = (
    ("SELECT wallet_rows, seen", "open_batch"),
    ("SELECT write_batch(", "write_batch"),
    ("INSERT INTO wallets", "make_wallets"),
    ("INSERT INTO profiles", "nothing"),
    ("INSERT INTO arrivals", "leave_arrivals"),
    ("INSERT INTO refunds", "note_refunds"),
    ("INSERT INTO dead_letters", "bury"),
    ("INSERT INTO withdrawals", "schedule"),
    ("INSERT INTO credit_requests", "request"),
    ("SELECT change_withdrawals(", "change_withdrawals"),
    ("SELECT change_credit_requests(", "change_credit_requests"),
    ("SELECT command_key::text, fingerprint", "fingerprints"),
    ("SELECT CASE WHEN v.alone", "hold_absent"),
    ("SELECT 1 FROM wallets", "appeared"),
    ("SELECT c.transaction_id::text, debit", "payments"),
    ("SELECT withdrawal_id::text", "withdrawals"),
    ("SELECT credit_request_id::text", "credit_requests"),
    ("SET lock_timeout", "nothing"),
    ("UPDATE partitions SET epoch", "raise_epoch"),
    ("INSERT INTO partitions", "make_partition"),
    ("SELECT epoch, next_offset", "progress"),
    ("SELECT a.pid, pg_terminate_backend", "end_holder"),
    ("SELECT command_key::text, result", "results"),
    ('SELECT "offset", reason', "dead_letters"),
    ("SELECT transaction_id::text FROM commands", "own"),
    ("SELECT e.transaction_id::text FROM unnest", "arrived"),
    ("SELECT transaction_id::text, result", "told"),
    ("SELECT e.transaction_id::text, e.account_id", "entries"),
)
"""The first words of a statement -> the method that does it."""


class Statements(BatchFunctions):
    """What each statement does. Rows are answered as psycopg2 gives them."""

    def nothing(self, _txn: Transaction, _arguments: Sequence[Any]) -> Answer:
        """Do nothing that the simulation looks at."""
        return []

    # What a batch writes

    def make_wallets(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Insert wallets."""
        for one, balance, sequence, _, partition, status, currency in zip(
            *map(items, arguments), strict=True
        ):
            wallet = WalletRow(
                one, int(partition), currency, int(status), int(balance), int(sequence)
            )
            txn.insert("wallets", one, wallet)
        return []

    def leave_arrivals(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Insert events for other partitions' writers."""
        partitions, wallets, sequences, events = arguments
        for partition, wallet, sequence, event in zip(
            numbers(partitions), items(wallets), numbers(sequences), events.split("\n"), strict=True
        ):
            txn.insert("arrivals", (partition, wallet, sequence), event)
        return []

    def note_refunds(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Insert what was given back."""
        for paid, refund, amount in zip(*map(items, arguments), strict=True):
            txn.insert("refunds", (paid, refund), int(amount))
        return []

    def bury(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Insert dead letters."""
        partition, offsets, reasons, records = arguments
        for offset, reason, record in zip(numbers(offsets), reasons, records, strict=True):
            txn.insert("dead_letters", (partition, offset), (reason, record))
        return []

    def schedule(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Insert withdrawals."""
        *plain, targets, reasons = arguments
        for home, one, wallet, amount, due, changed, status, currency, target, reason in zip(
            *map(items, plain), targets, reasons, strict=True
        ):
            row = WithdrawalRow(
                one, wallet, int(amount), currency, int(due), target, int(status), reason,
                int(changed), int(home),
            )  # fmt: skip
            txn.insert("withdrawals", one, row)
        return []

    def change_withdrawals(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Take withdrawals a step further."""
        *plain, reasons = arguments
        for one, old, new, moment, reason in zip(*map(items, plain), reasons, strict=True):
            row = txn.get("withdrawals", one)
            if row.status != int(old):
                raise Contradiction("a withdrawal changed under its wallet's lock")
            changed = row._replace(status=int(new), changed_at_ms=int(moment), reason=reason)
            txn.put("withdrawals", one, changed)
        return []

    def request(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Insert credit requests."""
        *plain, people, reasons = arguments
        for one, wallet, amount, number, at, changed, status, currency, by, reason in zip(
            *map(items, plain), people, reasons, strict=True
        ):
            row = CreditRequestRow(
                one, wallet, int(amount), currency, int(number), int(status), by, reason, int(at),
                int(changed),
            )  # fmt: skip
            txn.insert("credit_requests", one, row)
        return []

    def change_credit_requests(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """End credit requests."""
        *plain, people, reasons = arguments
        for one, old, new, moment, by, reason in zip(
            *map(items, plain), people, reasons, strict=True
        ):
            row = txn.get("credit_requests", one)
            if row.status != int(old):
                raise Contradiction("a credit request changed under its wallet's lock")
            changed = row._replace(status=int(new), changed_at_ms=int(moment), by=by, reason=reason)
            txn.put("credit_requests", one, changed)
        return []

    # What a batch looks at

    def fingerprints(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Known ids with their fingerprints."""
        return [(key, mark) for key, mark in self.seen(txn, items(arguments[0]))]

    def hold_absent(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Lock buckets of wallets that are not there, in order."""
        _, _, buckets, alone = arguments
        for bucket, is_alone in zip(numbers(buckets), items(alone), strict=True):
            txn.lock(("absent", bucket), alone=is_alone == "True", note="absent")
        return []

    def appeared(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Whether one of the wallets is there."""
        return [(1,) for one in items(arguments[0]) if txn.get("wallets", one) is not None][:1]

    def payments(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """The transactions that can be given back, with what was."""
        tables = txn.session.database.tables
        wanted = set(items(arguments[0]))
        found = []
        for command in tables["commands"].values():
            paid = command.transaction_id
            if paid not in wanted or not any(kind in command.result for kind in _PAYMENTS):
                continue
            rows = [row for row in tables["entries"].values() if row.transaction_id == paid]
            debit = next(row for row in rows if row.amount_minor < 0)
            credit = next(row for row in rows if row.amount_minor > 0)
            back = sum(minor for key, minor in tables["refunds"].items() if key[0] == paid)
            sides = (debit.account_id, credit.account_id, debit.currency)
            found.append((paid, *sides, -debit.amount_minor, back))
        return found

    def withdrawals(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Withdrawals by id."""
        rows = [txn.get("withdrawals", one) for one in items(arguments[0])]
        return [tuple(row[:9]) for row in rows if row is not None]

    def credit_requests(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Credit requests by id."""
        rows = [txn.get("credit_requests", one) for one in items(arguments[0])]
        return [tuple(row) for row in rows if row is not None]

    # What a claim does

    def raise_epoch(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Take the partition from its last owner."""
        key = tuple(arguments[1:])
        if txn.get("partitions", key) is None:
            return []
        row = self.lock_progress(txn, key)
        assert row is not None, "progress is never deleted"
        row = row._replace(epoch=row.epoch + 1)
        txn.put("partitions", key, row)
        return [_told_progress(row)]

    def make_partition(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Insert a partition's row, unless it is there."""
        key = tuple(arguments)
        txn.lock(("partitions", key), note="progress")
        if txn.get("partitions", key) is None:
            txn.put("partitions", key, PartitionRow())
        return []

    def progress(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """A partition's row."""
        return [_told_progress(txn.get("partitions", tuple(arguments)))]

    def end_holder(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """End the session that holds a partition's row."""
        locks = txn.session.database.locks
        holders = list(locks.get(("partitions", tuple(arguments)), ()))
        for holder in holders:
            holder.session.end(finish=False)
        return [(1, True) for _ in holders]

    def results(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Stored results of a partition between two offsets."""
        partition, after, before = arguments
        rows = sorted(_of_partition(txn, partition), key=lambda row: row.offset)
        return [(r.key, r.result, r.details) for r in rows if after < r.offset < before]

    def dead_letters(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Stored dead letters of a partition between two offsets."""
        partition, after, before = arguments
        table = txn.session.database.tables["dead_letters"]
        return [
            (offset, *row)
            for (place, offset), row in sorted(table.items())
            if place == partition and after < offset < before
        ]

    def own(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Transactions of a partition's commands from one offset to another."""
        partition, first, end = arguments
        rows = sorted(_of_partition(txn, partition), key=lambda row: row.offset)
        return [
            (row.transaction_id,)
            for row in rows
            if first <= row.offset < end and row.transaction_id is not None
        ]

    def arrived(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Transactions that made given sequences of wallets."""
        pairs = zip(items(arguments[0]), numbers(arguments[1]), strict=True)
        return [(txn.get("sequences", pair),) for pair in pairs]

    def told(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Results of transactions."""
        rows = [txn.get("commands", txn.get("transactions", one)) for one in items(arguments[0])]
        return [(row.transaction_id, row.result, row.details) for row in rows]

    def entries(self, txn: Transaction, arguments: Sequence[Any]) -> Answer:
        """Entries of transactions, debits first, with the partition of each wallet."""
        first, last, wanted = arguments
        tables, ids = txn.session.database.tables, set(items(wanted))
        rows = [
            row
            for row in tables["entries"].values()
            if row.transaction_id in ids and first <= row.transaction_id <= last
        ]
        rows.sort(key=lambda row: (row.amount_minor, row.account_id))
        return [(row[1], row[0], *row[2:], _home(tables["wallets"], row[0])) for row in rows]


def _home(wallets: dict[str, WalletRow], account: str) -> int | None:
    wallet = None if account in _WORLD_IDS else wallets.get(account)
    return None if wallet is None else wallet.partition


def _of_partition(txn: Transaction, partition: int) -> list[StoredCommand]:
    rows = txn.session.database.tables["commands"].values()
    return [row for row in rows if row.partition == partition]


def _told_progress(row: PartitionRow) -> tuple[Any, ...]:
    return (*row[:7], list(row.arrived_wallets), list(row.arrived_sequences))
