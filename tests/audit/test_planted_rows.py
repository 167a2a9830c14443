"""Damage planted in tables of what is now is found, also when no oracle can replay any more."""

from typing import Any

import pytest

from schemas.accounts import WORLD, WORLD_EXCHANGE, WORLD_SALES
from schemas.statuses import CREDIT_REQUEST_STATUSES, STATUSES, WITHDRAWAL_STATUSES
from tests.audit.judging import audited, told, violated
from tests.audit.mixture import Mixture
from tests.audit.writer import Ledger, learn
from tests.topics import cut

pytestmark = pytest.mark.integration

DUE_AT, PARTITION, STATUS = 4, 6, 7
"""Columns of Ledger.withdrawals; the status is as far to the right in credit_requests."""
TRANSACTION, CURRENCY = 1, 5
"""Columns of Ledger.entries."""
CANCELLED = WITHDRAWAL_STATUSES.index("cancelled")


def _of(rows: list[list[Any]], status: int, count: int) -> list[list[Any]]:
    """Some rows with this status."""
    found = [row for row in rows if row[STATUS] == status]
    assert len(found) >= count, "the mixture has enough of every status"
    return found[:count]


def test_rows_are_held_against_results_when_commands_have_expired(ledger: Ledger) -> None:
    """Each is told, by what the stored results say: gone, too many, moved, ended, begun anew."""
    scheduled = _of(ledger.withdrawals, WITHDRAWAL_STATUSES.index("scheduled"), 4)
    paid = _of(ledger.withdrawals, WITHDRAWAL_STATUSES.index("paid"), 1)
    pending = _of(ledger.credit_requests, CREDIT_REQUEST_STATUSES.index("pending"), 2)
    moved, ended, strayed, gone = scheduled
    more = ["00000000-0000-8000-8000-0000000000ff", *moved[1:]]
    moved[DUE_AT] = "infinity"
    ended[STATUS] = paid[0][STATUS] = CANCELLED
    strayed[PARTITION] = 1 - strayed[PARTITION]
    ledger.withdrawals.remove(gone)
    ledger.withdrawals.append(more)
    ledger.credit_requests.remove(pending[0])
    pending[1][STATUS] = CREDIT_REQUEST_STATUSES.index("rejected")
    ledger.wallets[0][4] = (ledger.wallets[0][4] + 1) % len(STATUSES)
    cut(ledger.settings, ledger.settings.topics.commands, (0, 30))
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    assert findings.invariants["I4"].violations == 9
    found = told(findings, "I4")
    assert f"{gone[0]}: a withdrawal of a result is not in the database" in found
    for row in (moved, ended, strayed, *paid):
        assert f"{row[0]}: a withdrawal is not as the results left it" in found
    assert f"{more[0]}: a withdrawal of which no result tells" in found
    assert f"{pending[0][0]}: a credit request of a result is not in the database" in found
    assert f"{pending[1][0]}: a credit request is not as the results left it" in found
    assert f"{ledger.wallets[0][0]}: a wallet's status is not what the commands made" in found


def test_a_wallet_that_is_active_again(ledger: Ledger) -> None:
    """Somebody was not content with what the operator did."""
    row = next(row for row in ledger.wallets if row[4] != STATUSES.index("active"))
    row[4] = STATUSES.index("active")
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I10"}
    assert f"{row[0]}: a wallet's status is not what the commands made of it" in told(
        findings, "I4"
    )


def test_a_refund_that_is_forgotten(ledger: Ledger, mixture: Mixture) -> None:
    """The same money could be given back once more; one that is there twice hides that."""
    learn(mixture, ledger)
    ledger.take(
        [mixture.command("refund.v1", w, transaction_id=paid) for w, paid in mixture.payments]
    )
    (original, gone, _), (_, twice, _) = ledger.refunds[:2]
    ledger.refunds[0] = [original, twice, 1]
    findings = audited(ledger)
    assert violated(findings) == {"I5"}
    assert f"{gone}: a refund that is not in the database" in told(findings, "I5")
    assert f"{twice}: a refund of no command, or there twice" in told(findings, "I5")


def test_an_exchange_that_is_none(ledger: Ledger) -> None:
    """Gone over to one currency, or made of a posting that had only one."""
    exchanged = [row for row in ledger.entries if row[0] == WORLD[WORLD_EXCHANGE]]
    one, other = exchanged[:2]
    assert one[TRANSACTION] == other[TRANSACTION]
    other[CURRENCY] = one[CURRENCY]
    forged = next(row for row in ledger.entries if row[0] == WORLD[WORLD_SALES])
    forged[0] = WORLD[WORLD_EXCHANGE]
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I5"}
    found = told(findings, "I5")
    for row in (one, forged):
        what = "an exchange is not between two currencies"
        assert f"{row[TRANSACTION]}: {what}" in found
    assert f"{one[TRANSACTION]}: entries of a transaction do not sum to zero" in found
