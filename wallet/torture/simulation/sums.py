"""What SQL judges in a real audit (consumers/audit/accounts.py), on rows in memory: I5, I6."""

from collections.abc import Mapping
from typing import Any

from consumers.audit.findings import Findings
from schemas.accounts import WORLD, WORLD_CREDIT, WORLD_TRANSIT
from schemas.statuses import CREDIT_REQUEST_STATUSES, IN_TRANSIT, WITHDRAWAL_STATUSES
from wallet.torture.simulation.rows import EntryRow

Tables = Mapping[str, Mapping[Any, Any]]

_UNPAID = frozenset(WITHDRAWAL_STATUSES.index(status) for status in IN_TRANSIT)
_APPROVED = CREDIT_REQUEST_STATUSES.index("approved")


def judge(findings: Findings, tables: Tables) -> None:
    """Sums, running balances, sequences and signs."""
    rows: list[EntryRow] = list(tables["entries"].values())
    findings.checked("I5", len(rows))
    findings.checked("I6", len(tables["wallets"]))
    _postings(findings, rows)
    _running(findings, rows, tables)
    transit = sum(row.amount_minor for row in rows if row.account_id == WORLD[WORLD_TRANSIT])
    held = sum(w.amount_minor for w in tables["withdrawals"].values() if w.status in _UNPAID)
    credit = -sum(row.amount_minor for row in rows if row.account_id == WORLD[WORLD_CREDIT])
    requests = tables["credit_requests"].values()
    given = sum(one.amount_minor for one in requests if one.status == _APPROVED)
    _same(findings, "money in transit is not what the withdrawals hold", "", (held, transit))
    _same(findings, "money on credit is not what the requests say", "", (given, credit))


def _postings(findings: Findings, rows: list[EntryRow]) -> None:
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row.transaction_id, row.currency
        sums[key] = sums.get(key, 0) + row.amount_minor
    for key, total in sums.items():
        _same(findings, "entries of a transaction do not sum to zero", " ".join(key), (0, total))


def _running(findings: Findings, rows: list[EntryRow], tables: Tables) -> None:
    """Each wallet's entries, in the order of its sequence, lead to what it is now."""
    now: dict[str, tuple[int, int]] = {}
    own = [row for row in rows if row.sequence is not None]
    for row in sorted(own, key=lambda row: (row.account_id, row.sequence or 0)):
        sequence, balance = now.get(row.account_id, (0, 0))
        expected = (sequence + 1, balance + row.amount_minor)
        found = (row.sequence or 0, row.balance_minor or 0)
        _same(
            findings,
            "an entry does not follow on the one before",
            row.account_id,
            (expected, found),
        )
        if found[1] < 0:
            findings.violation("I6", "a balance below zero", row.account_id, 0, found)
        now[row.account_id] = found
    stored = {
        name: (wallet.sequence, wallet.balance_minor) for name, wallet in tables["wallets"].items()
    }
    _same(findings, "wallets are not the sum of their entries", "", (now, stored))


def _same(findings: Findings, what: str, where: str, pair: tuple[object, object]) -> None:
    expected, found = pair
    if expected != found:
        findings.violation("I5", what, where, expected, found)
