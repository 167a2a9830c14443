"""Logs without their beginning: of some it is a matter of time, of others it is a loss."""

from functools import partial

import pytest

from consumers.seals import seal
from tests.audit.judging import judged, told, violated
from tests.audit.writer import Ledger
from tests.shell import Shell
from tests.topics import cut

pytestmark = pytest.mark.integration


def test_what_expires_is_noted(ledger: Ledger) -> None:
    """Commands and results are kept for days: a quiet partition has lost all that it had."""
    ledger.write()
    topics = ledger.settings.topics
    cut(ledger.settings, topics.commands, (0, 30))
    cut(ledger.settings, topics.results, (0, -1), (1, 20))
    findings = judged(ledger, ledger.payments())
    assert findings.ok, findings.as_json()
    notes = {name: found.note for name, found in findings.invariants.items() if found.note}
    assert set(notes) == {"I1", "I2", "I10"}
    assert findings.unchecked == ["I1", "I2", "I10"]


def test_clean_is_not_said_of_what_was_not_checked(ledger: Ledger) -> None:
    """Neither to people nor to programs; with --complete it is no success either."""
    ledger.write()
    cut(ledger.settings, ledger.settings.topics.commands, (0, 30))
    verify = partial(Shell(ledger.settings), "verify", "--timeout", "0.5", "--bank-ledger", "none")
    shown = verify()
    assert shown.code == 0
    assert shown.said.endswith("clean, but not all could be checked: I2, I8, I10\n")
    told = verify("--json")
    assert (told.code, told.json["ok"], told.json["complete"]) == (0, True, False)
    assert verify("--complete", "--json").code == 1


def test_a_result_is_missed_where_nothing_expired(ledger: Ledger) -> None:
    """Though a neighbour has lost its first ones, and this is the first."""
    gone = ledger.results[1].pop(0)
    ledger.write()
    cut(ledger.settings, ledger.settings.topics.results, (0, 9))
    findings = judged(ledger)
    assert violated(findings) == {"I2"}
    assert f"{gone.src}: a stored result is not in the log" in told(findings, "I2")


def test_events_are_kept_for_ever(ledger: Ledger) -> None:
    """What is gone from the beginning is told, once; and what is gone elsewhere as well."""
    gone = ledger.lose_event(1, 2)
    ledger.write()
    cut(ledger.settings, ledger.settings.topics.events, (0, 7))
    findings = judged(ledger)
    assert violated(findings) == {"I4", "I10"}
    found = told(findings, "I4")
    assert "0:7: the log begins here, and events are kept for ever" in found
    assert found.count("an entry without its event") == 1
    assert f"{gone.key} at 2: an entry without its event" in found


def test_sealed_events_are_kept_for_ever(ledger: Ledger) -> None:
    """A seal stands for all events before it."""
    ledger.write()
    made = list(seal(ledger.settings, ()))
    assert judged(ledger, seals=made).ok
    cut(ledger.settings, ledger.settings.topics.events, (0, 7))
    findings = judged(ledger, seals=made)
    assert violated(findings) == {"I4", "I11"}
    assert told(findings, "I4") == "0:7: the log begins here, and events are kept for ever"
    assert told(findings, "I11").startswith("0, event ")
    cut(ledger.settings, ledger.settings.topics.events, (0, -1))
    findings = judged(ledger, seals=made)
    assert told(findings, "I4") == "0: the log has fewer events than the database has numbered"
    assert "events that were sealed are not there" in told(findings, "I11")


def test_steps_of_withdrawals_are_kept_for_ever(ledger: Ledger) -> None:
    """Told once for a partition."""
    ledger.write()
    cut(ledger.settings, ledger.settings.topics.scheduled, (0, 5), (1, -1))
    findings = judged(ledger)
    assert violated(findings) == {"I4"}
    what = "the log begins here, and withdrawals' steps are kept for ever"
    end = len(ledger.steps[1])
    wheres = {found.where for found in findings.invariants["I4"].first if found.what == what}
    assert wheres == {"0:5 of the delayed topic", f"1:{end} of the delayed topic"}
    assert findings.invariants["I4"].violations == 2
