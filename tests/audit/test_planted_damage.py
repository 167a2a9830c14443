"""The auditor finds what is planted, under the invariant it breaks; a sound ledger is clean."""

import json
from contextlib import closing
from typing import Any

import pytest

from consumers.audit.log import Log
from schemas import results
from tests.audit.judging import audited, execute, judged, told, violated
from tests.audit.writer import Ledger, Said

pytestmark = pytest.mark.integration


def _changed(table: str, statement: str) -> tuple[str, ...]:
    """A change to a table that is append-only."""
    return (
        f"ALTER TABLE {table} DISABLE TRIGGER append_only",
        statement,
        f"ALTER TABLE {table} ENABLE TRIGGER append_only",
    )


def test_a_sound_ledger_is_clean(ledger: Ledger) -> None:
    """Good and bad commands, repetitions, transfers between partitions: nothing is off."""
    findings = audited(ledger, ledger.payments())
    assert findings.ok, findings.as_json()
    counted = {name: found.checked for name, found in findings.invariants.items()}
    assert all(counted.values())
    assert findings.counts["results"] == counted["I10"] == len(ledger.commands)
    said = json.loads(json.dumps(findings.as_json()))
    assert (said["ok"], said["invariants"]["I1"]["violations"]) == (True, 0)
    assert said["complete"] is True


def test_a_changed_balance(ledger: Ledger) -> None:
    """A wallet's row no longer is the sum of its entries."""
    ledger.wallets[0][1] += 1
    findings = audited(ledger)
    assert violated(findings) == {"I5", "I10"}
    assert ledger.wallets[0][0] in told(findings, "I5")


def test_a_changed_entry(ledger: Ledger) -> None:
    """One amount in the journal: sums, running balances and the rebuilt events show it."""
    ledger.write()
    change = (
        "UPDATE entries SET amount_minor = amount_minor + 1"
        " WHERE account_id = {wallet} AND sequence = 2"
    )
    execute(ledger, *_changed("entries", change))
    findings = judged(ledger)
    assert violated(findings) == {"I4", "I5"}
    for words in ("sum to zero", "the one before", "sum of its entries"):
        assert words in told(findings, "I5")


def test_a_missing_entry(ledger: Ledger) -> None:
    """The gap shows in the wallet's sequence, the sum in its transaction."""
    ledger.write()
    first = ledger.wallets[0][0]
    remove = "DELETE FROM entries WHERE account_id = {wallet} AND sequence = 2"
    execute(ledger, *_changed("entries", remove))
    findings = judged(ledger)
    assert violated(findings) == {"I4", "I5"}
    assert f"{first}: a wallet's sequence has a gap" in told(findings, "I5")
    assert "sum to zero" in told(findings, "I5")
    assert f"{first} at 2: an event that no entry tells of" in told(findings, "I4")


def test_a_negative_balance(ledger: Ledger) -> None:
    """The CHECK forbids it; without the CHECK the auditor still does."""
    ledger.write()
    execute(
        ledger,
        "ALTER TABLE wallets DROP CONSTRAINT wallets_never_negative",
        "UPDATE wallets SET balance_minor = -1 WHERE wallet_id = {wallet}",
    )
    assert "I6" in violated(judged(ledger))


def test_a_doubled_result(ledger: Ledger) -> None:
    """The same result twice, the second time at the end."""
    ledger.results[0].append(ledger.results[0][3])
    findings = audited(ledger)
    assert violated(findings) == {"I1", "I3"}
    assert findings.invariants["I1"].violations == 1


def test_a_repetition_that_was_answered(ledger: Ledger) -> None:
    """A second result for the same id and content, as if the repetition were a new command."""
    offset, first = _a_repetition(ledger)
    body = json.loads(first.value)
    body["command"]["offset"] = offset
    said = ledger.results[0]
    said.append(Said(first.key, json.dumps(body).encode(), f"0:{offset}"))
    said.sort(key=lambda each: int(each.src.partition(":")[2]))
    findings = audited(ledger)
    assert {"I1", "I4"} <= violated(findings)
    assert f"0:{offset}: a second result for one id and content" in told(findings, "I1")


def _a_repetition(ledger: Ledger) -> tuple[int, Said]:
    """The offset on partition 0 of a record that repeats another; the result of that other."""
    said = {each.src: each for each in ledger.results[0]}
    known: dict[bytes, Said] = {}
    topic = ledger.settings.topics.commands.name
    with closing(Log(ledger.settings.kafka_client(), topic, 20)) as log:
        records = [each for batch in log.read({0: 0}) for each in batch]
    for record in records:
        content = (record.value() or b"") + str(record.headers()).encode()
        found = said.get(f"0:{record.offset()}")
        if found is None and content in known:
            return record.offset(), known[content]
        if found is not None:
            known[content] = found
    pytest.fail("the mixture repeats nothing")


def test_a_missing_result(ledger: Ledger) -> None:
    """The database has it, the log has not."""
    gone = ledger.results[1].pop(5)
    findings = audited(ledger)
    assert violated(findings) == {"I2"}
    assert f"{gone.src}: a stored result is not in the log" in told(findings, "I2")


def test_a_command_nobody_answered(ledger: Ledger) -> None:
    """Neither the log nor the database has its result."""
    at, gone = next(
        (at, each)
        for at, each in enumerate(ledger.results[1])
        if results.decode(each.value).status == "rejected"
        and results.decode(each.value).command.source is not None
        and not results.decode(each.value).sequences
    )
    del ledger.results[1][at]
    ledger.commands = [row for row in ledger.commands if f"{row[4]}:{row[3]}" != gone.src]
    findings = audited(ledger)
    assert violated(findings) == {"I2"}
    assert f"{gone.src}: a command without a result" in told(findings, "I2")


def test_results_in_another_order(ledger: Ledger) -> None:
    """Two neighbours have changed places."""
    said = ledger.results[0]
    said[4], said[5] = said[5], said[4]
    assert violated(audited(ledger)) == {"I3"}


def test_changed_bytes_of_a_result(ledger: Ledger) -> None:
    """Valid JSON, the right command, another word: the log differs from database and oracle."""
    said = ledger.results[0][2]
    changed = said.value.replace(b'"recorded_at":"2', b'"recorded_at":"3')
    ledger.results[0][2] = said._replace(value=changed)
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I10"}
    (first,) = findings.invariants["I4"].first
    assert first.where == said.src
    assert '"2' in first.expected
    assert '"3' in first.found


def test_changed_bytes_of_a_result_in_log_and_database(ledger: Ledger) -> None:
    """Both agree, and only the oracle knows better."""
    said = ledger.results[0][2]
    changed = said.value.replace(b'"recorded_at":"2', b'"recorded_at":"3')
    ledger.results[0][2] = said._replace(value=changed)
    for row in ledger.commands:
        if f"{row[4]}:{row[3]}" == said.src:
            row[5] = changed.decode()
    findings = audited(ledger)
    assert "a result is not what the oracle answers" in told(findings, "I10")


def _flipped(said: Said, word: bytes) -> Said:
    """The same with a byte in front of a word that is of no UTF-8."""
    assert word in said.value
    return said._replace(value=said.value.replace(word, b"\xff" + word, 1))


def test_a_flipped_byte_of_each_log(ledger: Ledger) -> None:
    """What no decoder takes is a finding, and the audit goes on: to the next log, to its end."""
    ledger.results[0][2] = _flipped(ledger.results[0][2], b'","sequences"')
    event, step = ledger.events[0][4], ledger.steps[0][3]
    ledger.events[0][4] = _flipped(event, (event.key or "").encode())
    ledger.steps[0][3] = _flipped(step, (step.key or "").encode())
    ledger.results[1][2] = ledger.results[1][2]._replace(value=b'{"x":' + b"[" * 90_000)
    findings = audited(ledger)
    assert "I4" in violated(findings)
    for what, count in (("no result", 2), ("no event", 1), ("no step of a withdrawal", 1)):
        assert told(findings, "I4").count(f"the value is {what}") == count
    assert findings.counts["commands"] == ledger.progress[0] + ledger.progress[1]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE commands SET result = '{{'", "a stored result cannot be read"),
        ("UPDATE commands SET details = '{{\"metadata\": 1}}'", "stored details cannot be read"),
        ("UPDATE entries SET currency = 'XXX'", "an entry in a currency that cannot be"),
    ],
)
def test_what_the_database_cannot_have_stored(ledger: Ledger, change: str, what: str) -> None:
    """Nothing can be made of it; also where the log has lost the result that would tell."""
    ledger.results[0] = [said for said in ledger.results[0] if said.key != ledger.wallets[0][0]]
    ledger.write()
    of_first = (
        "transaction_id = (SELECT transaction_id FROM entries"
        " WHERE account_id = {wallet} AND sequence = 2)"
    )
    execute(ledger, *_changed(change.split()[1], f"{change} WHERE {of_first}"))
    findings = judged(ledger)
    assert f": {what}" in told(findings, "I4")


def test_a_missing_event(ledger: Ledger) -> None:
    """The numbers behind it close up, so that only the wallet's sequence and the database tell."""
    gone = ledger.lose_event(0, 2)
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I10"}
    assert f"{gone.key} at 2: an entry without its event" in told(findings, "I4")
    assert "a wallet's events have a gap" in told(findings, "I4")


def test_an_event_out_of_order(ledger: Ledger) -> None:
    """Two events of one wallet have changed places."""
    said = ledger.events[0]
    wallet = said[0].key
    one, other = [at for at, each in enumerate(said) if each.key == wallet][:2]
    said[one], said[other] = said[other], said[one]
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    assert "a wallet's events have a gap" in told(findings, "I4")


def test_events_with_wrong_headers(ledger: Ledger) -> None:
    """An execution that failed has the type of a failure; who listens looks at no more."""
    place, failed = next(
        (place, said)
        for place, said in enumerate(ledger.events[0])
        if b'"kind":"withdrawal.execute"' in said.value and b'"status":"failed"' in said.value
    )
    wrong = failed._replace(headers={"ce_type": b"wallet.withdrawal_executing.v1"})
    ledger.events[0][place] = wrong
    ledger.events[1][0] = ledger.events[1][0]._replace(headers={"ce_type": None})
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    assert told(findings, "I4").count("key or headers differ from body") == 2


def test_an_event_on_a_foreign_partition(ledger: Ledger) -> None:
    """The whole wallet's events in order, but where nobody looks for them."""
    wallet = ledger.events[0][0].key
    ledger.events[1] += [each for each in ledger.events[0] if each.key == wallet]
    ledger.events[0] = [each for each in ledger.events[0] if each.key != wallet]
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    assert "an event off its partition" in told(findings, "I4")


def test_next_offset_behind(ledger: Ledger) -> None:
    """The ledger says it has not done what it has answered."""
    ledger.progress[0] -= 3
    findings = audited(ledger)
    assert "I7" in violated(findings)
    assert "0: next_offset is behind a result" in told(findings, "I7")
    assert "not at rest" in told(findings, "I7")


def test_an_event_that_waits_for_ever(ledger: Ledger) -> None:
    """Arrivals that nobody takes over mean that the ledger is not at rest."""
    ledger.write()
    execute(
        ledger,
        "INSERT INTO arrivals (wallet_id, sequence, partition, event) VALUES ({wallet}, 99, 0, '')",
    )
    findings = judged(ledger)
    assert violated(findings) == {"I7"}
    assert "events wait in arrivals" in told(findings, "I7")


def test_a_cycle_in_sequences(ledger: Ledger) -> None:
    """Of two changes to one wallet on one partition, the first claims to come after the second."""
    done: list[tuple[int, dict[str, Any]]] = [
        (at, body)
        for at, said in enumerate(ledger.results[0])
        if (body := json.loads(said.value))["status"] == "completed" and len(body["sequences"]) == 1
    ]
    one, other = next(
        (first, second)
        for number, first in enumerate(done)
        for second in done[number + 1 :]
        if first[1]["wallet_id"] == second[1]["wallet_id"]
    )
    one[1]["sequences"], other[1]["sequences"] = other[1]["sequences"], one[1]["sequences"]
    for at, body in (one, other):
        value = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        ledger.results[0][at] = ledger.results[0][at]._replace(value=value)
        for row in ledger.commands:
            if f"{row[4]}:{row[3]}" == ledger.results[0][at].src:
                row[5] = value.decode()
    findings = audited(ledger)
    assert violated(findings) == {"I10"}
    assert "no order" in told(findings, "I10")
