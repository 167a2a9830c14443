"""I8: the bank's ledger against the withdrawals, each kind of damage under its name."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from consumers.audit.findings import Findings
from consumers.audit.payments import Payment
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES
from tests.audit.judging import execute, judged, told, violated
from tests.audit.mixture import Mixture
from tests.audit.writer import Ledger, learn, payment_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def written(new_ledger: Callable[..., Settings]) -> Ledger:
    """A sound ledger, written once; what the bank has paid is told apart."""
    mixture = Mixture(7, partitions=2, wallets=8)
    ledger = Ledger(new_ledger(partitions=2))
    ledger.take(mixture.opening() + mixture.schedules())
    learn(mixture, ledger)
    ledger.take(mixture.lives())
    ledger.write()
    return ledger


def _of(ledger: Ledger, status: str) -> Payment:
    """What a bank would write that pays a withdrawal of this status."""
    books = ledger.oracle.books
    found = next(each for each in books.withdrawals.values() if each.status == status)
    return payment_of(1, found)


def _without(ledger: Ledger, gone: Payment) -> list[Payment]:
    return [each for each in ledger.payments() if each.key != gone.key]


def _only(findings: Findings) -> str:
    """The one thing that is off, which is the bank's."""
    assert violated(findings) == {"I8"}, findings.as_json()
    assert findings.invariants["I8"].violations == 1, findings.invariants["I8"]
    return told(findings, "I8")


def test_an_answer_that_the_ledger_contradicts(written: Ledger) -> None:
    """The bank has paid and the money went back: its trace is found without the bank's ledger."""
    answered = (
        "INSERT INTO bank_calls (withdrawal_id, begun_at, changed_at, calls, not_done, state, note)"
        " SELECT withdrawal_id, now(), now(), 1, 0, 3, '' FROM withdrawals WHERE status = {}"
    )
    wrong = [WITHDRAWAL_STATUSES.index(status) for status in ("failed", "cancelled", "scheduled")]
    for status in range(len(WITHDRAWAL_STATUSES)):
        execute(written, answered.format(status))
        findings = judged(written, None)
        execute(written, "DELETE FROM bank_calls")
        if status not in wrong:
            assert findings.ok, findings.as_json()
            continue
        assert violated(findings) == {"I8"}
        assert "the money went back or never left" in told(findings, "I8")
        found = {(each.expected, each.found) for each in findings.invariants["I8"].first}
        assert found == {("paid", WITHDRAWAL_STATUSES[status])}


def test_a_good_bank(written: Ledger) -> None:
    """All that is paid is paid; what is in transit may be, or may not."""
    payments = written.payments()
    findings = judged(written, payments)
    assert findings.ok, findings.as_json()
    paid = sum(each.status == "paid" for each in written.oracle.books.withdrawals.values())
    assert findings.invariants["I8"].checked == len(payments) + paid
    assert findings.counts["payments"] == len(payments) > paid
    for status in ("executing", "needs_review"):
        assert judged(written, _without(written, _of(written, status))).ok


def test_no_ledger_of_a_bank(written: Ledger) -> None:
    """Then nothing is off, and it is said that nobody looked."""
    findings = judged(written)
    assert findings.ok
    invariant = findings.invariants["I8"]
    assert (invariant.checked, invariant.note) == (
        0,
        "not checked: the bank's ledger was not given",
    )


def test_a_payment_that_was_never_made(written: Ledger) -> None:
    """The ledger says paid, the bank knows nothing."""
    gone = _of(written, "paid")
    findings = judged(written, _without(written, gone))
    assert _only(findings) == f"{gone.key}: a withdrawal is paid, and the bank has not executed it"


@pytest.mark.parametrize("status", ["paid", "executing", "needs_review"])
def test_a_payment_made_twice(written: Ledger, status: str) -> None:
    """Under the same key, whatever the ledger knows of it."""
    twice = _of(written, status)
    payments = [*_without(written, twice), twice, replace(twice, number=99)]
    findings = judged(written, payments)
    assert _only(findings) == f"{twice.key}: the bank executed a withdrawal more than once"


def test_a_payment_that_the_bank_counts_twice(written: Ledger) -> None:
    """One line of two executions is two executions."""
    twice = replace(_of(written, "paid"), times=2)
    findings = judged(written, [*_without(written, twice), twice])
    assert "more than once" in _only(findings)


@pytest.mark.parametrize("status", ["scheduled", "failed", "cancelled"])
def test_a_payment_of_what_was_not_to_be_paid(written: Ledger, status: str) -> None:
    """Money returned, or never taken, and paid all the same."""
    payment = _of(written, status)
    findings = judged(written, [*written.payments(), payment])
    what = "the bank executed a withdrawal that was not to be paid"
    assert _only(findings) == f"{payment.key}: {what}"
    assert findings.invariants["I8"].first[0].found == status


def test_payments_that_nobody_asked_for(written: Ledger) -> None:
    """Under a key that is no withdrawal's, no UUID, or none at all."""
    like = _of(written, "paid")
    keys = ("00000000-0000-8000-8000-0000000000ff", "17'; --", None)
    payments = [replace(like, key=key, number=90) for key in keys]
    findings = judged(written, [*written.payments(), *payments])
    assert violated(findings) == {"I8"}
    what = "a payment that no withdrawal asked for"
    assert told(findings, "I8").split(" / ") == [
        "payment 90: a payment of no withdrawal",
        f"{keys[0]}: {what}",
        f"{keys[1]}: {what}",
    ]


def test_a_bank_without_keys_is_told_the_withdrawal(written: Ledger) -> None:
    """Its orders carry the withdrawal's id in their body."""
    payments = [replace(each, key=None, withdrawal_id=each.key) for each in written.payments()]
    assert judged(written, payments).ok
    assert "more than once" in _only(judged(written, [*payments, payments[0]]))


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", "1.01"), ("currency", "XXX"), ("target", "17"), ("wallet_uuid", None)],
)
def test_a_payment_of_something_else(written: Ledger, field: str, value: str | None) -> None:
    """Amount, currency, wallet and target are those of the withdrawal."""
    wrong = replace(_of(written, "paid"), **{field: value})
    findings = judged(written, [*_without(written, wrong), wrong])
    what = "the bank paid something else (wallet, amount, currency, target)"
    assert _only(findings) == f"{wrong.key}: {what}"


def test_a_payment_before_its_time(written: Ledger) -> None:
    """A second is forgiven: the bank has a clock of its own."""
    due = _of(written, "paid")
    due = replace(due, at=due.at - timedelta(seconds=2))  # a second before its time
    assert judged(written, [*_without(written, due), due]).ok
    early = replace(due, at=due.at - timedelta(milliseconds=1))
    findings = judged(written, [*_without(written, due), early])
    assert _only(findings) == f"{due.key}: the bank executed a withdrawal before it was due"


def test_a_payment_is_early_by_the_clock_that_was_moved(ledger: Ledger) -> None:
    """A development copy executes before the world's clock says so; by the advance, no more."""
    ledger.clock = [[60_000]]
    ledger.write()
    payment = _of(ledger, "paid")
    advanced = replace(payment, at=payment.at - timedelta(seconds=62))
    assert judged(ledger, [*_without(ledger, payment), advanced]).ok
    early = replace(advanced, at=advanced.at - timedelta(milliseconds=1))
    assert "before it was due" in _only(judged(ledger, [*_without(ledger, payment), early]))


def test_what_goes_on_while_the_auditor_reads(ledger: Ledger) -> None:
    """A withdrawal executed and paid after the snapshot is no finding."""
    ledger.write()
    meanwhile = _of(ledger, "scheduled")

    def payments() -> Iterator[Payment]:
        yield from ledger.payments()
        change = "UPDATE withdrawals SET status = 1 WHERE withdrawal_id ="
        execute(ledger, f"{change} '{meanwhile.key}'")
        yield meanwhile

    assert judged(ledger, payments()).ok
