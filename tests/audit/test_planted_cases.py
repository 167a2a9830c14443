"""Damage planted in credit requests, and in what events tell of sales, is found."""

import pytest

from schemas import events
from schemas.statuses import CREDIT_REQUEST_STATUSES
from tests.audit.judging import audited, told, violated
from tests.audit.writer import Ledger

pytestmark = pytest.mark.integration

PENDING, APPROVED, REJECTED = range(len(CREDIT_REQUEST_STATUSES))
AMOUNT, NUMBER, CHANGED_AT, STATUS, BY = 2, 4, 6, 7, 8
"""Columns of Ledger.credit_requests."""


def _rows(ledger: Ledger, status: int) -> list[list[object]]:
    found = [row for row in ledger.credit_requests if row[STATUS] == status]
    assert found, "the mixture has credit requests of every status"
    return found


@pytest.mark.parametrize(
    ("column", "value"),
    [(NUMBER, 99_999_999), (CHANGED_AT, "2001-01-01T00:00:00Z"), (BY, "somebody else")],
)
def test_a_changed_credit_request(ledger: Ledger, column: int, value: object) -> None:
    """Its number, who ended it and when are as the oracle says, or it is told."""
    row = _rows(ledger, REJECTED)[0]
    row[column] = value
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I10"}
    assert f"{row[0]}: a credit request is not as the oracle left it" in told(findings, "I10")


def test_an_approval_that_is_forgotten(ledger: Ledger) -> None:
    """The request could be approved again: the money that was given tells."""
    _rows(ledger, APPROVED)[0][STATUS] = PENDING
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I5", "I10"}
    assert "money given on credit is not what the approved requests say" in told(findings, "I5")


def test_an_approval_without_money(ledger: Ledger) -> None:
    """A request that is called approved, and whose wallet got nothing."""
    _rows(ledger, PENDING)[0][STATUS] = APPROVED
    assert violated(audited(ledger)) == {"I4", "I5", "I10"}


def test_a_missing_credit_request(ledger: Ledger) -> None:
    """The command was answered, its row is gone."""
    gone = _rows(ledger, PENDING)[0]
    ledger.credit_requests.remove(gone)
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I10"}
    assert f"{gone[0]}: a credit request that is not in the database" in told(findings, "I10")


def test_another_phone_number(ledger: Ledger) -> None:
    """What an event tells of a sale is what the command said, and what is stored."""
    at = next(n for n, said in enumerate(ledger.events[0]) if b"phone_number" in said.value)
    said = ledger.events[0][at]
    ledger.events[0][at] = said._replace(value=said.value.replace(b"+98912345", b"+98912346"))
    assert events.decode(ledger.events[0][at].value).transaction.phone_number == "+989123466789"
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I10"}
    assert "an event differs from the database" in told(findings, "I4")
