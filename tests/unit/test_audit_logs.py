"""What the auditor makes of single records: changed bytes, a log whose beginning is gone."""

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest

from consumers.audit.columns import Names, place
from consumers.audit.delayed_log import DelayedLog
from consumers.audit.events_log import EventsLog
from consumers.audit.findings import Findings
from consumers.audit.log import Record
from consumers.audit.rest import Rest
from consumers.audit.results_log import ResultsLog
from consumers.audit.snapshot import Standing
from schemas.identifiers import event_id, partition_of

PARTITIONS = 2
REST = Rest(
    {p: Standing(100, 6, 99) for p in range(PARTITIONS)},
    dict.fromkeys(range(PARTITIONS), 100),
    set(),
)
WALLETS = {
    partition_of(name, PARTITIONS): name
    for name in (f"01930f6e-3c00-7000-8000-{number:012x}" for number in range(9))
}
"""A wallet of each partition."""


class Told(NamedTuple):
    """A record as confluent-kafka gives it."""

    at: tuple[int, int]
    name: str
    body: bytes
    heads: dict[str, bytes]

    def partition(self) -> int:
        """Number of the partition."""
        return self.at[0]

    def offset(self) -> int:
        """Where in the partition."""
        return self.at[1]

    def key(self) -> bytes:
        """The wallet."""
        return self.name.encode()

    def value(self) -> bytes:
        """The body."""
        return self.body

    def headers(self) -> list[tuple[str, bytes]]:
        """In some order."""
        return list(self.heads.items())

    def timestamp(self) -> tuple[int, int]:
        """Of the broker."""
        return 2, 0


def event(partition: int, number: int) -> Told:
    """The event of a wallet's change of this number, as the only wallet of its partition."""
    name, sequence = WALLETS[partition], number + 1
    body = {
        "wallet_id": name,
        "sequence": sequence,
        "command": {"partition": partition, "offset": number},
        "transaction": {"kind": "deposit"},
    }
    heads = {
        "src": b"%d:%d" % (partition, number),
        "number": b"%d" % number,
        "ce_id": event_id(name, sequence).encode(),
        "ce_type": b"wallet.deposited.v1",
    }
    return Told((partition, number), name, json.dumps(body).encode(), heads)


def step(partition: int, offset: int) -> Told:
    """The record of a withdrawal that a command at this place has scheduled."""
    name = WALLETS[partition]
    withdrawal = {"id": "w", "status": "scheduled", "amount": "1.00", "currency": "IRR"}
    body = {
        "wallet_id": name,
        "withdrawal": withdrawal | {"due_at": "2026-11-22T10:00:00.000Z"},
        "recorded_at": "2026-11-22T10:00:00.000Z",
        "command": {"source": "/s", "id": "c", "type": "t", "topic": "x"}
        | {"partition": partition, "offset": offset},
    }
    heads = {
        "src": b"%d:%d" % (partition, offset),
        "ce_id": b"w:scheduled",
        "ce_type": b"withdrawal.scheduled.v1",
    }
    return Told((partition, offset), name, json.dumps(body).encode(), heads)


def told(findings: Findings, name: str = "I4") -> list[tuple[str, str]]:
    """Where it is off, and what."""
    return [(each.where, each.what) for each in findings.invariants[name].first]


def of_results(findings: Findings, record: Record) -> None:
    """Read it as a result."""
    ResultsLog(findings, Names(), REST, frozenset()).take([record])


def of_events(findings: Findings, record: Record) -> None:
    """Read it as an event."""
    EventsLog(findings, Names(), REST).take([record])


def of_steps(findings: Findings, record: Record) -> None:
    """Read it as a step of a withdrawal."""
    results = ResultsLog(findings, Names(), REST, frozenset())
    DelayedLog(findings, REST, results, {}).take([record])


@pytest.mark.parametrize("read", [of_results, of_events, of_steps])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"status":"\xff","wallet_id":"\xff"}',
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["no JSON", "no UTF-8", "too deep"],
)
def test_changed_bytes_are_a_finding(read: Callable[[Findings, Record], None], body: bytes) -> None:
    """Whatever they are, the audit goes on behind them."""
    findings = Findings()
    read(findings, event(0, 0)._replace(body=body))
    (found,) = findings.invariants["I4"].first
    assert found.what.startswith("the value is no ")


def events_of(findings: Findings, records: list[Told], cut: dict[int, int]) -> EventsLog:
    """The events topic with these records, without its beginning on these partitions."""
    log = EventsLog(findings, Names(), REST, cut=cut)
    log.take(records)
    log.judge_end()
    return log


def test_the_beginning_of_the_events_is_missed() -> None:
    """Told once; what is gone elsewhere is told as ever."""
    findings = Findings()
    records = [event(p, number) for p, first in ((0, 3), (1, 0)) for number in range(first, 6)]
    log = events_of(findings, records, cut={0: 3})
    assert told(findings) == [("0:3", "the log begins here, and events are kept for ever")]
    assert not log.is_due(WALLETS[0], 3)
    assert log.is_due(WALLETS[0], 4)
    assert log.is_due(WALLETS[1], 1)


def test_a_partition_of_which_nothing_is_left_is_missed() -> None:
    """The database has numbered what was there."""
    findings = Findings()
    log = events_of(findings, [event(1, number) for number in range(6)], cut={0: 6})
    assert told(findings) == [("0", "the log has fewer events than the database has numbered")]
    assert not log.is_due(WALLETS[0], 1)
    assert log.is_due(WALLETS[1], 7)


def test_the_beginning_of_the_steps_is_missed() -> None:
    """Once for a partition; what is gone elsewhere is told as ever."""
    findings = Findings()
    results = ResultsLog(findings, Names(), REST, frozenset())
    log = DelayedLog(findings, REST, results, {0: 2})
    log.take([step(0, 20), step(0, 30), step(1, 20)])
    assert findings.ok
    for partition, offset in ((0, 5), (0, 10), (0, 25), (1, 10)):
        log.missing(place(partition, offset))
    assert told(findings) == [
        (
            "0:2 of the delayed topic",
            "the log begins here, and withdrawals' steps are kept for ever",
        ),
        ("0:25", "a withdrawal's step is not on the delayed topic"),
        ("1:10", "a withdrawal's step is not on the delayed topic"),
    ]
