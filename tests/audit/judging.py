"""What the auditor says of a ledger that a test has written."""

from collections.abc import Sequence
from contextlib import closing

import psycopg2

from consumers.audit.audit import audit
from consumers.audit.findings import Findings
from consumers.audit.payments import Payments
from consumers.audit.sources import Sources
from consumers.seals import Seal
from tests.audit.writer import Ledger


def audited(ledger: Ledger, payments: Payments | None = None) -> Findings:
    """Write the ledger and audit it."""
    ledger.write()
    return judged(ledger, payments)


def judged(
    ledger: Ledger, payments: Payments | None = None, seals: Sequence[Seal] = ()
) -> Findings:
    """Audit a ledger that is written."""
    with Sources(ledger.settings, payments, seals) as sources:
        return audit(sources, 0.5, 10, lambda _stage, _done, _total: None)


def violated(findings: Findings) -> set[str]:
    """The invariants that do not hold."""
    return {name for name, found in findings.invariants.items() if found.violations}


def told(findings: Findings, name: str) -> str:
    """What is told of an invariant."""
    return " / ".join(f"{each.where}: {each.what}" for each in findings.invariants[name].first)


def execute(ledger: Ledger, *statements: str) -> None:
    """Run statements; `{wallet}` in them is the first wallet."""
    with (
        closing(psycopg2.connect(ledger.settings.database_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement.format(wallet=f"'{ledger.wallets[0][0]}'"))
