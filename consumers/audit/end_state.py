"""I10, at the end: what wallets and their cases are in the database is what the oracle left."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from consumers.audit.books import Books, CreditRequest, Wallet, Withdrawal
from consumers.audit.findings import Findings
from consumers.audit.snapshot import Snapshot
from schemas.statuses import CREDIT_REQUEST_STATUSES, STATUSES, WITHDRAWAL_STATUSES

Kept = TypeVar("Kept", Wallet, Withdrawal, CreditRequest)
Row = tuple[Any, ...]
"""A row of the database, its id first."""

WALLETS: Final = "SELECT wallet_id, balance_minor, sequence, currency, status FROM wallets"
WITHDRAWALS: Final = """
SELECT withdrawal_id, wallet_id, amount_minor, currency, extract(epoch FROM due_at) * 1000, target,
       partition, status, reason, extract(epoch FROM changed_at) * 1000
FROM withdrawals
"""
CREDIT_REQUESTS: Final = """
SELECT credit_request_id, wallet_id, amount_minor, currency, number,
       extract(epoch FROM requested_at) * 1000, extract(epoch FROM changed_at) * 1000, status, by,
       reason
FROM credit_requests
"""
"""The moments are numbers of milliseconds, exactly."""


def judge(findings: Findings, snapshot: Snapshot, books: Books) -> None:
    """After the last command: hold all tables of a present state against the oracle's books."""
    _compare(findings, snapshot, "wallet", WALLETS, (_wallet_row, books.wallets))
    _compare(findings, snapshot, "withdrawal", WITHDRAWALS, (_withdrawal_row, books.withdrawals))
    requests = (_credit_request_row, books.credit_requests)
    _compare(findings, snapshot, "credit request", CREDIT_REQUESTS, requests)


def _compare(
    findings: Findings,
    snapshot: Snapshot,
    noun: str,
    sql: str,
    told: tuple[Callable[[Kept], Row], dict[str, Kept]],
) -> None:
    row_of, kept = told
    seen = 0
    for rows in snapshot.batches(sql):
        for name, *found in rows:
            one = kept.get(name)
            seen += one is not None
            expected = None if one is None else row_of(one)
            if expected != tuple(found):
                what = f"a {noun} is not as the oracle left it"
                findings.violation("I10", what, name, expected, tuple(map(str, found)))
    if seen < len(kept):
        there = {row[0] for rows in snapshot.batches(sql) for row in rows}
        for name in kept.keys() - there:
            findings.violation("I10", f"a {noun} that is not in the database", name)


def _wallet_row(wallet: Wallet) -> Row:
    status = STATUSES.index(wallet.status)
    return wallet.balance_minor, wallet.sequence, wallet.currency, status


def _withdrawal_row(withdrawal: Withdrawal) -> Row:
    return (
        withdrawal.wallet_id,
        withdrawal.amount_minor,
        withdrawal.currency,
        withdrawal.due_at_ms,
        withdrawal.target,
        withdrawal.partition,
        WITHDRAWAL_STATUSES.index(withdrawal.status),
        withdrawal.reason,
        withdrawal.changed_at_ms,
    )


def _credit_request_row(request: CreditRequest) -> Row:
    return (
        request.wallet_id,
        request.amount_minor,
        request.currency,
        request.number,
        request.requested_at_ms,
        request.changed_at_ms,
        CREDIT_REQUEST_STATUSES.index(request.status),
        request.by,
        request.reason,
    )
