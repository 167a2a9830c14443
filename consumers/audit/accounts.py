"""Invariants that SQL can judge alone: sums, running balances, sequences, signs (I5, I6)."""

from typing import Any, Final, NamedTuple

from consumers.audit.findings import Findings
from consumers.audit.snapshot import Snapshot
from schemas.accounts import WORLD, WORLD_CREDIT, WORLD_EXCHANGE, WORLD_TRANSIT
from schemas.statuses import CREDIT_REQUEST_STATUSES, IN_TRANSIT, WITHDRAWAL_STATUSES


class Check(NamedTuple):
    """One question to the database; every row of the answer (where, expected, found) is wrong."""

    invariant: str
    what: str
    sql: str


COUNTS: Final = """
SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM wallets),
       (SELECT count(*) FROM refunds), (SELECT count(*) FROM withdrawals),
       (SELECT count(*) FROM credit_requests)
"""

_UNPAID: Final = ", ".join(str(WITHDRAWAL_STATUSES.index(status)) for status in IN_TRANSIT)
_APPROVED: Final = CREDIT_REQUEST_STATUSES.index("approved")

_RUNNING: Final = """
FROM (SELECT account_id, sequence, amount_minor, balance_minor,
             lag(sequence, 1, 0::bigint) OVER of_wallet + 1 AS next_sequence,
             lag(balance_minor, 1, 0::numeric) OVER of_wallet + amount_minor AS next_balance
      FROM entries WHERE sequence IS NOT NULL
      WINDOW of_wallet AS (PARTITION BY account_id ORDER BY sequence)) AS e
"""

CHECKS: Final = (
    Check(
        "I5",
        "entries of a transaction do not sum to zero",
        "SELECT transaction_id, '0 ' || currency, sum(amount_minor) FROM entries"
        " GROUP BY transaction_id, currency HAVING sum(amount_minor) <> 0",
    ),
    Check(
        "I5",
        "a wallet's sequence has a gap",
        f"SELECT account_id, next_sequence, sequence {_RUNNING} WHERE sequence <> next_sequence",
    ),
    Check(
        "I5",
        "an entry's balance is not the one before plus its amount",
        "SELECT concat(account_id, ' at ', sequence), next_balance, balance_minor"
        f" {_RUNNING} WHERE balance_minor <> next_balance",
    ),
    Check(
        "I5",
        "a wallet is not the sum of its entries (balance, sequence, currency)",
        "SELECT coalesce(w.wallet_id, e.account_id),"
        " concat_ws(' ', e.balance, e.sequence, e.currency),"
        " concat_ws(' ', w.balance_minor, w.sequence, w.currency) FROM wallets AS w FULL JOIN"
        " (SELECT account_id, sum(amount_minor) AS balance, max(sequence) AS sequence,"
        "  string_agg(DISTINCT currency, '+') AS currency"
        "  FROM entries WHERE sequence IS NOT NULL GROUP BY account_id) AS e"
        " ON e.account_id = w.wallet_id WHERE (w.balance_minor, w.sequence, w.currency::text)"
        " IS DISTINCT FROM (e.balance, e.sequence, e.currency)",
    ),
    Check(
        "I5",
        "an entry of no command",
        "SELECT e.account_id, 'a command', e.transaction_id FROM entries AS e"
        " LEFT JOIN commands AS c USING (transaction_id) WHERE c.command_key IS NULL",
    ),
    Check(
        "I5",
        "a refund is not what its entries say",
        "SELECT r.refund_id, r.amount_minor, e.amount FROM refunds AS r LEFT JOIN"
        " (SELECT transaction_id, max(amount_minor) AS amount FROM entries GROUP BY 1) AS e"
        " ON e.transaction_id = r.refund_id WHERE r.amount_minor IS DISTINCT FROM e.amount",
    ),
    Check(
        "I5",
        "more was refunded than was paid",
        "SELECT r.transaction_id, e.amount, r.amount FROM"
        " (SELECT transaction_id, sum(amount_minor) AS amount FROM refunds GROUP BY 1) AS r"
        " LEFT JOIN"
        " (SELECT transaction_id, max(amount_minor) AS amount FROM entries GROUP BY 1) AS e"
        " USING (transaction_id) WHERE r.amount > e.amount OR e.amount IS NULL",
    ),
    Check(
        "I5",
        "an exchange is not between two currencies",
        "SELECT transaction_id, '2 entries of 2 currencies',"  # noqa: S608 - ours
        " concat(count(*), ' of ', string_agg(DISTINCT currency, '+')) FROM entries"
        f" WHERE account_id = '{WORLD[WORLD_EXCHANGE]}' GROUP BY 1"
        " HAVING count(*) <> 2 OR count(DISTINCT currency) <> 2",
    ),
    Check(
        "I5",
        "money in transit is not what the unfinished withdrawals hold",
        "SELECT currency, coalesce(w.amount, 0), coalesce(e.amount, 0) FROM"  # noqa: S608 - ours
        " (SELECT currency, sum(amount_minor) AS amount FROM entries"
        f"  WHERE account_id = '{WORLD[WORLD_TRANSIT]}' GROUP BY 1) AS e FULL JOIN"
        " (SELECT currency, sum(amount_minor) AS amount FROM withdrawals"
        f"  WHERE status IN ({_UNPAID}) GROUP BY 1) AS w USING (currency)"
        " WHERE coalesce(e.amount, 0) <> coalesce(w.amount, 0)",
    ),
    Check(
        "I5",
        "money given on credit is not what the approved requests say",
        "SELECT currency, coalesce(c.amount, 0), coalesce(-e.amount, 0) FROM"  # noqa: S608 - ours
        " (SELECT currency, sum(amount_minor) AS amount FROM entries"
        f"  WHERE account_id = '{WORLD[WORLD_CREDIT]}' GROUP BY 1) AS e FULL JOIN"
        " (SELECT currency, sum(amount_minor) AS amount FROM credit_requests"
        f"  WHERE status = {_APPROVED} GROUP BY 1) AS c USING (currency)"
        " WHERE coalesce(-e.amount, 0) <> coalesce(c.amount, 0)",
    ),
    Check(
        "I6",
        "a wallet's balance is below zero",
        "SELECT wallet_id, 'at least 0', balance_minor FROM wallets WHERE balance_minor < 0",
    ),
    Check(
        "I6",
        "an entry leaves a balance below zero",
        "SELECT concat(account_id, ' at ', sequence), 'at least 0', balance_minor"
        " FROM entries WHERE balance_minor < 0",
    ),
)


def ask(snapshot: Snapshot) -> list[list[tuple[Any, ...]]]:
    """The wrong rows of every check; made for a thread of its own while the topics are read."""
    return [snapshot.all(check.sql) for check in CHECKS]


def judge(findings: Findings, snapshot: Snapshot, answers: list[list[tuple[Any, ...]]]) -> None:
    """Tell what `ask` found."""
    names = ("entries", "wallets", "refunds", "withdrawals", "credit_requests")
    counts = dict(zip(names, snapshot.all(COUNTS)[0], strict=True))
    findings.counts |= counts
    entries, wallets = counts["entries"], counts["wallets"]
    findings.checked("I5", sum(counts.values()))
    findings.checked("I6", entries + wallets)
    for check, rows in zip(CHECKS, answers, strict=True):
        for where, expected, found in rows:
            findings.violation(check.invariant, check.what, str(where), expected, found)
