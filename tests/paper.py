"""A journal on paper: runs batches through the real rules, and keeps their rows in memory.

It stands in for PostgreSQL, as `streams.journal` uses it, in tests of the rules.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from schemas.accounts import WORLD
from schemas.decoding import Decoded
from streams.asked import Asked
from streams.books import Books, Payment, Wallet, Withdrawal
from streams.deciding import Decided, reuse_key
from streams.rendering import Message
from streams.rows import Arrival, CommandRow, EntryRow, Place

PLACE = Place("wallet.commands.v1", 0, 2)


@dataclass
class PaperRecord:
    """A record of the commands topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Paper:
    """The tables, and what was said. `clock_ahead_ms` is how far the clock was moved."""

    wallets: dict[str, Wallet] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    commands: list[CommandRow] = field(default_factory=list)
    entries: list[EntryRow] = field(default_factory=list)
    refunds: list[tuple[str, str, int]] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    withdrawals: dict[str, Withdrawal] = field(default_factory=dict)
    clock_ahead_ms: int = 0
    steps: list[Message] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)

    def batch(self, records: Sequence[PaperRecord]) -> Decided:
        """Decide a batch on what is written, and write it."""
        asked = Asked.of(records)
        payments = self._payments(asked.refundable)
        withdrawals = self._withdrawals(asked.withdrawals)
        locked = asked.wallet_ids | {payment.payee for payment in payments.values()}
        locked |= {found.target_wallet or "" for found in withdrawals.values()}
        wallets = {name: self._wallet(name) for name in locked & self.wallets.keys()}
        seen = self._seen_by([item.decoded for item in asked.items])
        books = Books(wallets, payments, withdrawals)
        decided = Decided(PLACE, books, seen, asked.refundable, self.clock_ahead_ms)
        for item in asked.items:
            decided.take(item.record, item.decoded)
        self._write(decided)
        return decided

    def _wallet(self, wallet_id: str) -> Wallet:
        held = self.wallets[wallet_id]
        return Wallet(
            wallet_id,
            held.partition,
            held.currency,
            held.status,
            held.balance_minor,
            held.sequence,
            held.sequence,
        )

    def _seen_by(self, asked: Sequence[Decoded]) -> dict[str, str]:
        keys = {decoded.key for decoded in asked if not _is_unreadable(decoded)}  # type: ignore[union-attr]
        keys |= {reuse_key(decoded) for decoded in asked if not _is_unreadable(decoded)}  # type: ignore[arg-type]
        return {key: self.seen[key] for key in keys & self.seen.keys()}

    def _withdrawals(self, wanted: set[str]) -> dict[str, Withdrawal]:
        known = wanted & self.withdrawals.keys()
        held = {name: self.withdrawals[name] for name in known}
        return {name: replace(found, opened_status=found.status) for name, found in held.items()}

    def _payments(self, wanted: set[str]) -> dict[str, Payment]:
        rows = defaultdict(list)
        for row in self.entries:
            if row.transaction_id in wanted:
                rows[row.transaction_id].append(row)
        found = {}
        for name, pair in rows.items():
            kind = next(row.result for row in self.commands if row.transaction_id == name)
            if not any(f'"type":"{known}.v1"' in kind for known in ("charge_sale", "transfer")):
                continue
            debit = min(pair, key=lambda row: row.amount_minor)
            back = sum(amount for paid, _, amount in self.refunds if paid == name)
            theirs = [row.account_id for row in pair if row is not debit]
            payee = theirs[0] if theirs else list(WORLD)[debit.world - 1]
            payer, paid = debit.account_id, -debit.amount_minor
            found[name] = Payment(name, payer, payee, debit.currency, paid, back)
        return found

    def _write(self, decided: Decided) -> None:
        for row in decided.commands:
            assert row.key not in self.seen, "a command has one row"
            self.seen[row.key] = row.fingerprint
        self.commands += decided.commands
        self.entries += decided.entries
        self.refunds += decided.refunds
        self.arrivals += decided.arrivals
        self.wallets.update(decided.books.wallets)
        for name, found in decided.books.withdrawals.items():
            stored = self.withdrawals.get(name)
            assert found.opened_status == (stored and stored.status), "made once, changed if held"
            self.withdrawals[name] = found
        self.steps += decided.steps
        self.said += [(message.key, message.value, message.headers) for message in decided.results]
        self.said += [(message.key, message.value, message.headers) for message in decided.dead]


def _is_unreadable(decoded: Decoded) -> bool:
    return not hasattr(decoded, "key")
