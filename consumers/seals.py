"""Seals: a hash chain over each partition's events, whose links are kept where nobody can reach.

Event by event, link = SHA-256(link before + the event's bytes), so a link names all events up to
its own, in their order. A seal is a link written down, one JSON line, in a file that belongs on
another machine, with other people. An audit goes over the chain again: whoever has changed,
removed, inserted or reordered an event that was sealed, in the log and in the database alike,
would have to find another text with the same SHA-256. Workers know nothing of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from consumers.audit.findings import Findings, Invariant
from consumers.audit.log import Log, Record
from consumers.signatures import is_signed, signature_of
from producers.headers import headers_of
from schemas.foreign import decoder
from schemas.moments import in_milliseconds
from schemas.settings import Settings

NAME: Final = "I11"
CLAIM: Final = "events that were sealed are those in the log"
KEY_BYTES: Final = 32
"""A key of SHA-256's own length; a shorter one is refused."""


class SealError(ValueError):
    """Seals and log contradict each other, or a file is none of seals. Says which and where."""


class Seal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The chain of a partition after event `number`, which stands at `offset` of the topic.

    `link` and `signature` (HMAC-SHA256 of the line without it, by the key's owner) are hex.
    """

    topic: str
    partition: int
    number: int
    offset: int
    link: str
    sealed_at: str
    signature: str | None = None

    def signed(self, key: bytes) -> "Seal":
        """The same, with its signature."""
        return replace(self, signature=signature_of(self, key))

    def is_signed_by(self, key: bytes) -> bool:
        """Whether the signature is that of this key."""
        return is_signed(self, self.signature, key)


_decode: Final = decoder(Seal)


class Link(NamedTuple):
    """The end of a chain: the next event's number, and the link before it."""

    number: int
    link: bytes


def beginning(topic: str, partition: int) -> Link:
    """The chain of a partition before its first event."""
    return Link(0, sha256(f"{topic}:{partition}".encode()).digest())


def following(before: Link, value: bytes) -> Link:
    """The chain after one more event."""
    return Link(before.number + 1, sha256(before.link + value).digest())


class Chains:
    """The chains of an audit: goes along with the events as they are read, and meets the seals."""

    def __init__(self, findings: Findings, topic: str, seals: Iterable[Seal]) -> None:
        findings.invariants[NAME] = Invariant(CLAIM)  # of no audit without seals
        self._findings = findings
        self._topic = topic
        self._seals: Final[dict[tuple[int, int], str]] = {}
        for seal in seals:
            self._seals[seal.partition, seal.number] = seal.link
            if seal.topic != topic:
                what = "a seal of another topic"
                findings.violation(NAME, what, str(seal.partition), topic, seal.topic)
        self._ends: Final[dict[int, Link]] = {}
        self._broken: Final[set[int]] = set()

    def take(self, partition: int, number: int, value: bytes) -> None:
        """Take up the next event of a partition."""
        before = self._ends.get(partition) or beginning(self._topic, partition)
        after = self._ends[partition] = following(before, value)
        sealed = self._seals.pop((partition, number), None)
        if sealed is None:
            return
        self._findings.checked(NAME)
        if partition not in self._broken and sealed != after.link.hex():
            self._broken.add(partition)  # told once: all later ones hang on it
            what = "events up to here are not those that were sealed"
            where = f"{partition}, event {number}"
            self._findings.violation(NAME, what, where, sealed, after.link.hex())

    def finish(self) -> None:
        """After the last event: every seal must have been met."""
        for (partition, number), link in sorted(self._seals.items()):
            what = "events that were sealed are not there"
            self._findings.violation(NAME, what, f"{partition}, event {number}", link, "")


def line_of(seal: Seal) -> bytes:
    """A seal as it stands in a file."""
    return msgspec.json.encode(seal) + b"\n"


def read(path: Path, key: bytes | None = None) -> list[Seal]:
    """The seals of a file; with a key, each must be signed by it. Raises SealError, OSError."""
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            seal = _decode(line)
        except msgspec.DecodeError as error:
            raise SealError(f"line {number} of {path} is no seal: {error}") from error
        if key is not None and not seal.is_signed_by(key):
            raise SealError(f"line {number} of {path} is not signed by this key")
        found.append(seal)
    return found


def key_of(path: Path) -> bytes:
    """The key in a file, all its bytes but blanks around them. Raises SealError, OSError."""
    key = path.read_bytes().strip()
    if len(key) < KEY_BYTES:
        raise SealError(f"the key in {path} has {len(key)} bytes; {KEY_BYTES} are needed at least")
    return key


def seal(settings: Settings, before: Iterable[Seal]) -> Iterator[Seal]:
    """Go on from the seals there are to the end of the events: a new one for each partition.

    Partitions without a new event get none. Raises SealError where the log does not go on from a
    seal, LogError where it cannot be read.
    """
    topic = settings.topics.events.name
    last = newest(before)
    with closing(Log(settings.kafka_client(), topic, settings.kafka_timeout)) as log:
        starts = {p: last[p].offset + 1 if p in last else 0 for p in log.partitions}
        _refuse_shorter(log, starts)
        ends: dict[int, Link] = {}
        offsets: dict[int, int] = {}
        for batch in log.read(starts):
            for record in batch:
                partition = record.partition()
                chain = ends.get(partition) or _end(last, topic, partition)
                ends[partition] = _next(chain, record, topic)
                offsets[partition] = record.offset()
    now = in_milliseconds(datetime.now(UTC))
    for partition, end in sorted(ends.items()):
        link = end.link.hex()
        yield Seal(topic, partition, end.number - 1, offsets[partition], link, now)


def newest(seals: Iterable[Seal]) -> dict[int, Seal]:
    """The last seal of each partition."""
    found: dict[int, Seal] = {}
    for each in seals:
        if each.partition not in found or each.number > found[each.partition].number:
            found[each.partition] = each
    return found


def _end(last: Mapping[int, Seal], topic: str, partition: int) -> Link:
    found = last.get(partition)
    if found is None:
        return beginning(topic, partition)
    return Link(found.number + 1, bytes.fromhex(found.link))


def _next(chain: Link, record: Record, topic: str) -> Link:
    said = dict(headers_of(record) or ()).get("number")
    if said != b"%d" % chain.number:
        where = f"{topic}[{record.partition()}] at {record.offset()}"
        raise SealError(f"{where} is event {said!r}, not {chain.number}: the log was changed")
    return following(chain, record.value() or b"")


def _refuse_shorter(log: Log, starts: Mapping[int, int]) -> None:
    for partition, start in starts.items():
        low, high = log.bounds(partition)
        if not low <= start <= high:
            where = f"{log.topic}[{partition}]"
            raise SealError(f"{where} goes from {low} to {high}, but was sealed up to {start}")
