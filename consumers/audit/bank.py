"""I8: the bank's own ledger against the withdrawals.

The bank's ledger is read after the snapshot that is audited, and the withdrawals are then looked at
once more. What the snapshot says is paid was paid before, so it must stand in the bank's ledger.
What stands there was ordered before, so the withdrawal must by then be in transit or paid. Neither
depends on a clock, and a running ledger gives no false alarm: a status never goes back.

What the bank has answered (table bank_calls) is held against the withdrawals also where the bank's
ledger is not given.
"""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from consumers.audit.findings import Findings
from consumers.audit.payments import Payment, Payments
from consumers.audit.snapshot import Snapshot
from consumers.audit.sources import Sources
from schemas.identifiers import is_uuid
from schemas.money import show
from schemas.statuses import BANK_CALL_STATES, IN_TRANSIT, WITHDRAWAL_STATUSES

AT_ONCE: Final = 10_000
"""Withdrawals looked up in one statement."""
EARLY: Final = timedelta(seconds=1)
"""The bank's clock and the broker's may be so far apart."""

_PAYABLE: Final = (*IN_TRANSIT, "paid")
_PAID: Final = WITHDRAWAL_STATUSES.index("paid")
PAID: Final = f"SELECT withdrawal_id FROM withdrawals WHERE status = {_PAID}"  # noqa: S608 - our constant
ANSWERED: Final = f"""
SELECT withdrawal_id, w.status FROM bank_calls AS b JOIN withdrawals AS w USING (withdrawal_id)
WHERE b.state = {BANK_CALL_STATES.index("paid")}
    AND w.status NOT IN ({", ".join(str(WITHDRAWAL_STATUSES.index(each)) for each in _PAYABLE)})
ORDER BY withdrawal_id
"""  # noqa: S608 - our constants
NAMED: Final = """
SELECT withdrawal_id, status, due_at, wallet_id, amount_minor, currency, target
FROM withdrawals WHERE withdrawal_id = ANY(%s::uuid[])
"""


class _Withdrawal(NamedTuple):
    """What a payment must agree with; `order` is wallet, amount, currency and target."""

    status: str
    due_at: datetime
    order: tuple[str | None, ...]


def judge(findings: Findings, sources: Sources) -> None:
    """Tell what the bank paid and should not have, and what it did not pay and should have.

    Raises PaymentsError, psycopg2.Error.
    """
    _judge_answers(findings, sources.snapshot)
    if sources.payments is None:
        findings.note("I8", "not checked: the bank's ledger was not given")
        return
    made = _made(findings, sources.payments)
    findings.counts["payments"] = len(made)
    _judge_missing(findings, sources.snapshot, made)
    with closing(sources.present()) as present:
        _judge_made(findings, present, made)


def _judge_answers(findings: Findings, snapshot: Snapshot) -> None:
    """The bank caller writes down that the bank has paid before the ledger can hear of it."""
    for name, status in snapshot.all(ANSWERED):
        what = "the bank has answered that it paid, and the money went back or never left"
        findings.violation("I8", what, name, "paid", WITHDRAWAL_STATUSES[status])


def _made(findings: Findings, payments: Payments) -> dict[str, Payment]:
    """The first payment of each withdrawal."""
    made: dict[str, Payment] = {}
    for payment in payments:
        name = payment.withdrawal
        if name is None:
            where = f"payment {payment.number}"
            findings.violation("I8", "a payment of no withdrawal", where, "an id", "none")
            continue
        if name in made or payment.times > 1:
            what = "the bank executed a withdrawal more than once"
            findings.violation("I8", what, name, "one payment", f"another at {payment.at}")
        made.setdefault(name, payment)
    return made


def _judge_missing(findings: Findings, snapshot: Snapshot, made: dict[str, Payment]) -> None:
    for rows in snapshot.batches(PAID):
        findings.checked("I8", len(rows))
        for (name,) in rows:
            if name not in made:
                what = "a withdrawal is paid, and the bank has not executed it"
                findings.violation("I8", what, name, "one payment", "none")


def _judge_made(findings: Findings, present: Snapshot, made: dict[str, Payment]) -> None:
    findings.checked("I8", len(made))
    ahead = timedelta(milliseconds=max(present.advances(), default=0))
    names = list(made)
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        known = _withdrawals(present, [name for name in some if is_uuid(name)])
        for name in some:
            withdrawal = known.get(name)
            if withdrawal is None:
                findings.violation("I8", "a payment that no withdrawal asked for", name)
            else:
                _judge_payment(findings, name, made[name], withdrawal, ahead)


def _withdrawals(present: Snapshot, names: list[str]) -> dict[str, _Withdrawal]:
    return {
        name: _Withdrawal(
            WITHDRAWAL_STATUSES[status],
            due_at,
            (wallet, show(int(amount), currency), currency, target),
        )
        for name, status, due_at, wallet, amount, currency, target in present.all(NAMED, (names,))
    }


def _judge_payment(
    findings: Findings, where: str, payment: Payment, withdrawal: _Withdrawal, ahead: timedelta
) -> None:
    """Hold one payment against its withdrawal; `ahead` is the advance of the ledger's clock."""
    if withdrawal.status not in _PAYABLE:
        what = "the bank executed a withdrawal that was not to be paid"
        told = (" or ".join(_PAYABLE), withdrawal.status)
        findings.violation("I8", what, where, *told)
    found = (payment.wallet_uuid, payment.amount, payment.currency, payment.target)
    if found != withdrawal.order:
        what = "the bank paid something else (wallet, amount, currency, target)"
        findings.violation("I8", what, where, withdrawal.order, found)
    if payment.at + ahead < withdrawal.due_at - EARLY:
        what = "the bank executed a withdrawal before it was due"
        findings.violation("I8", what, where, withdrawal.due_at, payment.at)
