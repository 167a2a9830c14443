"""Seals: whoever changes, removes, inserts or reorders what was sealed is found out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from consumers import seals
from consumers.audit.findings import Findings
from consumers.seals import Chains, Link, Seal, SealError, beginning, following

TOPIC = "wallet.events.v1"
EVENTS = [f"event {number}".encode() for number in range(20)]
KEY = b"a secret of thirty-two bytes or so"


def sealed(values: list[bytes], *numbers: int, partition: int = 0) -> list[Seal]:
    """Seals of these events after those with these numbers."""
    chain: Link = beginning(TOPIC, partition)
    links = [(chain := following(chain, value)).link.hex() for value in values]
    return [Seal(TOPIC, partition, n, n, links[n], "2026-11-21T10:00:00.000Z") for n in numbers]


def judged(values: list[bytes], kept: list[Seal], first: int = 0) -> Findings:
    """What an audit finds in this log, whose first event has this number."""
    findings = Findings()
    chains = Chains(findings, TOPIC, kept)
    for number, value in enumerate(values, first):
        chains.take(0, number, value)
    chains.finish()
    return findings


def test_what_is_as_it_was_sealed_is_clean() -> None:
    """Every seal is met, whatever has come since."""
    findings = judged([*EVENTS, b"later"], sealed(EVENTS, 3, 4, 19))
    assert (findings.ok, findings.invariants["I11"].checked) == (True, 3)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda values: [*values[:5], b"changed", *values[6:]],
        lambda values: [*values[:5], *values[6:]],
        lambda values: [*values[:5], b"inserted", *values[5:]],
        lambda values: [*values[:5], values[6], values[5], *values[7:]],
        lambda values: values[:9],
    ],
    ids=["changed", "removed", "inserted", "reordered", "cut off"],
)
def test_tampering_is_found(tamper: Callable[[list[bytes]], list[bytes]]) -> None:
    """With all that follows numbered anew, as a careful hand would: the first seal after tells."""
    findings = judged(tamper(EVENTS), sealed(EVENTS, 3, 9, 18))
    found = findings.invariants["I11"]
    assert found.violations
    assert found.first[0].where == "0, event 9"


def test_partitions_and_topics_have_chains_of_their_own() -> None:
    """The same events elsewhere are not what was sealed."""
    assert sealed(EVENTS, 3)[0].link != sealed(EVENTS, 3, partition=1)[0].link
    foreign = [replace(each, topic="other") for each in sealed(EVENTS, 3)]
    assert "another topic" in judged(EVENTS, foreign).invariants["I11"].first[0].what


def test_a_log_without_its_beginning_is_not_what_was_sealed() -> None:
    """Events are kept for ever: below the first one kept none can be met, behind it none is."""
    findings = judged(EVENTS[5:], sealed(EVENTS, 3, 9, 18), first=5)
    found = [(each.where, each.what) for each in findings.invariants["I11"].first]
    assert found == [
        ("0, event 9", "events up to here are not those that were sealed"),
        ("0, event 3", "events that were sealed are not there"),
    ]
    assert not judged([], sealed(EVENTS, 3)).ok


def test_a_gap_is_no_way_around_a_seal() -> None:
    """Also where the numbers tell of it: what was sealed is not there."""
    findings = Findings()
    chains = Chains(findings, TOPIC, sealed(EVENTS, 9))
    for number, value in enumerate(EVENTS):
        if number != 5:
            chains.take(0, number, value)
    chains.finish()
    assert not findings.ok


def test_a_signature_is_of_one_key_and_one_line(tmp_path: Path) -> None:
    """A changed line, another key and no key at all are told apart from the real one."""
    (seal,) = sealed(EVENTS, 3)
    signed = seal.signed(KEY)
    assert signed.is_signed_by(KEY)
    assert not signed.is_signed_by(KEY + b"!")
    assert not replace(signed, number=4).is_signed_by(KEY)
    assert not replace(signed, signature="ü").is_signed_by(KEY)
    assert not seal.is_signed_by(KEY)
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    assert seals.key_of(path) == KEY
    path.write_bytes(b"short")
    with pytest.raises(SealError, match="5 bytes"):
        seals.key_of(path)


def test_a_file_of_seals_is_read_line_by_line(tmp_path: Path) -> None:
    """What is no seal, or not signed, is named by its line."""
    path = tmp_path / "seals"
    made = [each.signed(KEY) for each in sealed(EVENTS, 3, 9)]
    lines = [seals.line_of(each) for each in made]
    path.write_bytes(b"".join(lines))
    assert seals.read(path) == seals.read(path, KEY) == made
    assert seals.newest(made) == {0: made[1]}
    path.write_bytes(lines[0] + b'{"topic":"\xff"}')
    with pytest.raises(SealError, match=r"line 2 .* is no seal"):
        seals.read(path)
    path.write_bytes(lines[0] + seals.line_of(sealed(EVENTS, 9)[0]))
    with pytest.raises(SealError, match=r"line 2 .* not signed"):
        seals.read(path, KEY)
    path.write_bytes(lines[0] + b"{}\n")
    with pytest.raises(SealError, match=r"line 2 .* no seal"):
        seals.read(path)
