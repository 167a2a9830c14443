"""Seals of a real log: made once, gone on with, and met by the audit, or not."""

import pytest
from msgspec.structs import replace

from consumers.audit.findings import Findings
from consumers.seals import Seal, SealError, seal
from tests.audit.judging import judged, told, violated
from tests.audit.writer import Ledger

pytestmark = pytest.mark.integration


def held_against(ledger: Ledger, kept: list[Seal]) -> Findings:
    """What an audit with these seals says."""
    return judged(ledger, ledger.payments(), kept)


def test_seals_are_made_and_met(ledger: Ledger) -> None:
    """One for each partition with events; none anew while nothing has come; others are refused."""
    ledger.write()
    made = list(seal(ledger.settings, ()))
    assert made
    assert list(seal(ledger.settings, made)) == []
    findings = held_against(ledger, made)
    assert findings.ok, findings.as_json()
    assert findings.invariants["I11"].checked == len(made)
    last = made[0]
    wrong = replace(last, link="00" * 32)
    findings = held_against(ledger, [wrong, *made[1:]])
    assert violated(findings) == {"I11"}
    assert f"{last.partition}, event {last.number}" in told(findings, "I11")
    beyond = replace(last, number=last.number + 7)
    assert "are not there" in told(held_against(ledger, [beyond]), "I11")
    with pytest.raises(SealError, match="was sealed up to"):
        list(seal(ledger.settings, [replace(last, offset=10**6)]))
    with pytest.raises(SealError, match="the log was changed"):
        list(seal(ledger.settings, [replace(last, offset=last.offset - 1)]))
