"""What is planted among withdrawals is found: rows, money in transit, delayed topic, clock."""

import json
import time
from collections.abc import Callable

import pytest

from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES
from tests.audit.judging import audited, judged, told, violated
from tests.audit.mixture import Mixture
from tests.audit.writer import Ledger, Said, learn

pytestmark = pytest.mark.integration

HOUR_MS = 3600 * 1000
STATUS_COLUMN = 7
AMOUNT_COLUMN = 2


def _row(ledger: Ledger, status: str) -> int:
    """The place of a withdrawal with this status among the rows to write."""
    wanted = WITHDRAWAL_STATUSES.index(status)
    return next(n for n, row in enumerate(ledger.withdrawals) if row[STATUS_COLUMN] == wanted)


def _clocked(new_ledger: Callable[..., Settings], *advances: int) -> Ledger:
    """A ledger whose clock is moved ahead by so many milliseconds, each time before a mixture."""
    mixture = Mixture(5, partitions=2, wallets=6)
    ledger = Ledger(new_ledger(partitions=2))
    ledger.take(mixture.opening() + mixture.schedules())
    learn(mixture, ledger)
    for ahead in advances:
        ledger.ahead_ms = ahead
        ledger.take(mixture.lives())
        ledger.take(mixture.records(20))
    return ledger


def test_the_mixture_brings_withdrawals_everywhere(ledger: Ledger) -> None:
    """Without one of each status the other tests here would show little."""
    books = ledger.oracle.books
    assert {each.status for each in books.withdrawals.values()} == set(WITHDRAWAL_STATUSES)
    targets = {each.target and each.receiver for each in books.withdrawals.values()}
    assert None in targets
    assert targets & set(books.wallets)


def test_changed_withdrawals(ledger: Ledger) -> None:
    """Each column of a row is as the commands left it."""
    rows = ledger.withdrawals[:9]
    for column, row in enumerate(rows, 1):
        row[column] = {
            1: next(wallet[0] for wallet in ledger.wallets if wallet[0] != row[1]),
            2: row[2] + 1,
            3: "EUR",
            4: "2030-01-01T00:00:00Z",
            5: "2026-01-01T00:00:00.001Z",
            6: 1 - row[6],
            7: (row[7] + 1) % 6,
            8: "somebody else",
            9: "because",
        }[column]
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I5", "I10"}
    assert findings.invariants["I4"].violations == 9
    assert findings.invariants["I10"].violations == 9
    for row in rows:
        assert f"{row[0]}: a withdrawal is not as the oracle left it" in told(findings, "I10")


def test_a_withdrawal_too_few_and_one_too_many(ledger: Ledger) -> None:
    """One that is in transit leaves its money behind; one that nobody asked for is executed."""
    gone = ledger.withdrawals.pop(_row(ledger, "needs_review"))
    more = [*ledger.withdrawals[_row(ledger, "scheduled")]]
    more[0] = "00000000-0000-8000-8000-0000000000ff"
    ledger.withdrawals.append(more)
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I5", "I10"}
    assert f"{gone[0]}: a withdrawal that is not in the database" in told(findings, "I10")
    assert f"{more[0]}: a withdrawal is not as the oracle left it" in told(findings, "I10")
    assert f"{gone[3]}: money in transit is not what the unfinished" in told(findings, "I5")


def test_money_in_transit_that_is_forgotten(ledger: Ledger) -> None:
    """Said to have failed, and the money did not come back: nobody would look for it again."""
    row = ledger.withdrawals[_row(ledger, "executing")]
    row[STATUS_COLUMN] = WITHDRAWAL_STATUSES.index("failed")
    findings = audited(ledger)
    assert violated(findings) == {"I4", "I5", "I10"}
    (first,) = findings.invariants["I5"].first
    assert first.where == row[3]
    assert int(first.found) - int(first.expected) == row[AMOUNT_COLUMN]


def test_steps_that_were_not_told(ledger: Ledger) -> None:
    """The delayed consumer learns of them at its next look at the database only.

    The last one is waited for: it is published with its result, but not seen in the same instant.
    """
    gone = [ledger.steps[1].pop(3), ledger.steps[0].pop()]
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    for each in gone:
        assert f"{each.src}: a withdrawal's step is not on the delayed topic" in told(
            findings, "I4"
        )


def test_a_step_told_twice(ledger: Ledger) -> None:
    """The same record once more, at the end."""
    ledger.steps[0].append(ledger.steps[0][2])
    findings = audited(ledger)
    assert violated(findings) == {"I3", "I4"}
    assert "a second record of a step" in told(findings, "I4")


def test_steps_in_another_order(ledger: Ledger) -> None:
    """Two neighbours have changed places."""
    steps = ledger.steps[0]
    steps[4], steps[5] = steps[5], steps[4]
    findings = audited(ledger)
    assert violated(findings) == {"I3"}
    assert "of the delayed topic: src does not rise" in told(findings, "I3")


def test_changed_bytes_of_a_step(ledger: Ledger) -> None:
    """A thousand years earlier than the withdrawal was scheduled for."""
    at, said = next((n, s) for n, s in enumerate(ledger.steps[0]) if b'"scheduled"' in s.value)
    earlier = said.value.replace(b'"due_at":"2', b'"due_at":"1')
    ledger.steps[0][at] = said._replace(value=earlier)
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    (first,) = findings.invariants["I4"].first
    assert (first.where, first.what) == (said.src, "a withdrawal's step differs from the database")


def test_records_that_are_no_steps(ledger: Ledger) -> None:
    """Their places show them; the consumers act on the type without looking inside."""
    values = (b"{", b'{"wallet_id":"x"}', b"")
    for place, value in enumerate(values):
        ledger.steps[1][place] = ledger.steps[1][place]._replace(value=value)
    wrong: tuple[dict[str, bytes | None], ...] = (
        {"ce_id": b"x"},
        {"ce_type": b"withdrawal.paid.v2"},
        {"ce_type": None},
    )
    for place, headers in enumerate(wrong):
        ledger.steps[0][place] = ledger.steps[0][place]._replace(headers=headers)
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    assert told(findings, "I4").count("the value is no step of a withdrawal") == len(values)
    assert told(findings, "I4").count("key or headers differ from body") == len(wrong)


def test_a_step_of_a_command_that_was_refused(ledger: Ledger) -> None:
    """Nothing in the database stands behind it."""
    sources = {said.src for said in ledger.steps[0]}
    place = next(n for n, said in enumerate(ledger.results[0]) if said.src not in sources)
    src = ledger.results[0][place].src
    later = [n for n, said in enumerate(ledger.steps[0]) if _offset(said) > _offset_of(src)]
    like = ledger.steps[0][later[0]]
    body = json.loads(like.value)
    body["command"]["offset"] = _offset_of(src)
    ledger.steps[0].insert(later[0], Said(like.key, json.dumps(body).encode(), src))
    findings = audited(ledger)
    assert violated(findings) == {"I4"}
    assert f"{src}: a withdrawal's step that no command made" in told(findings, "I4")


def test_a_clock_that_was_moved_is_followed(new_ledger: Callable[..., Settings]) -> None:
    """The oracle decides at the times that the results tell: what was due days ahead is done."""
    ledger = _clocked(new_ledger, HOUR_MS, 72 * HOUR_MS)
    ledger.clock = [[HOUR_MS], [72 * HOUR_MS]]
    findings = audited(ledger)
    assert findings.ok, findings.as_json()
    withdrawals = ledger.oracle.books.withdrawals.values()
    early = [each for each in withdrawals if each.due_at_ms > time.time() * 1000 + HOUR_MS]
    assert {each.status for each in early} & {"executing", "needs_review", "paid"}


def test_an_advance_that_the_clock_never_had(new_ledger: Callable[..., Settings]) -> None:
    """Then somebody else decided what time it is."""
    ledger = _clocked(new_ledger, HOUR_MS)
    ledger.clock = [[HOUR_MS + 1]]
    findings = audited(ledger)
    assert violated(findings) == {"I10"}
    assert "recorded_at is neither the broker's time nor ahead of it" in told(findings, "I10")


def test_a_clock_that_went_back(new_ledger: Callable[..., Settings]) -> None:
    """Both advances are real, but time does not run backwards."""
    ledger = _clocked(new_ledger, 2 * HOUR_MS, HOUR_MS)
    ledger.clock = [[HOUR_MS], [2 * HOUR_MS]]
    findings = audited(ledger)
    assert violated(findings) == {"I10"}
    assert "the clock went back" in told(findings, "I10")
    assert findings.invariants["I10"].violations <= 2


def test_a_moved_clock_that_was_not_written_down(new_ledger: Callable[..., Settings]) -> None:
    """With an empty table, the broker's time is the only one."""
    findings = audited(_clocked(new_ledger, 1))
    assert violated(findings) == {"I10"}
    assert "a result is not what the oracle answers" in told(findings, "I10")


def test_a_target_seen_at_another_sequence(ledger: Ledger) -> None:
    """A schedule only looks at its target, but it has its place among the target's changes."""
    place, body = next(
        (n, body)
        for n, said in enumerate(ledger.results[0])
        if len((body := json.loads(said.value))["sequences"]) == 2
        and body.get("withdrawal", {}).get("status") == "scheduled"
    )
    (*_, target) = body["sequences"]
    body["sequences"][target] += 1000
    value = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    ledger.results[0][place] = ledger.results[0][place]._replace(value=value)
    row = next(r for r in ledger.commands if f"{r[4]}:{r[3]}" == ledger.results[0][place].src)
    row[5] = value.decode()
    findings = audited(ledger)
    assert violated(findings) == {"I10"}
    assert "no order: a cycle or a gap" in told(findings, "I10")


def test_the_horizon_is_the_auditors_too(ledger: Ledger) -> None:
    """A ledger that scheduled beyond the limit did what it must refuse."""
    ledger.write()
    ledger.settings = ledger.settings.model_copy(update={"withdrawal_horizon_days": 1})
    findings = judged(ledger)
    assert "a result is not what the oracle answers" in told(findings, "I10")


def _offset(said: Said) -> int:
    return _offset_of(said.src)


def _offset_of(src: str) -> int:
    return int(src.partition(":")[2])
