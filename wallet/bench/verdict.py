"""The auditor's verdict on a bench's scratch ledger, before it is removed: fast and wrong is wrong.

As `wallet verify` gives it on the real one. The workers still run: what they have begun, such as
the events of transfers, is waited for.
"""

from typing import Final

from consumers.audit.audit import audit
from consumers.audit.sources import Sources
from schemas.settings import Settings
from wallet.bench.telling import Telling
from wallet.failure import Failure

REST_SECONDS: Final = 60.0
TOLD: Final = 3
"""Violations told of each invariant."""


def verify(ledger: Settings, tell: Telling) -> None:
    """Audit all topics and the database of a ledger. Raises Failure when something is off."""
    with Sources(ledger, None) as sources:
        findings = audit(sources, REST_SECONDS, TOLD, lambda *_: None)
    wrong = [
        f"{name} {finding.where}: {finding.what}, expected {finding.expected},"
        f" found {finding.found}"
        for name, invariant in findings.invariants.items()
        for finding in invariant.first
    ]
    if wrong:
        raise Failure(f"the audit of the scratch ledger: {'; '.join(wrong)}")
    tell(f"  audited: {findings.counts['commands']:,} commands, clean")
