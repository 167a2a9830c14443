"""The test vectors: sample records, played through the real rules at places and times given.

`python -m tests.vectors` writes schemas/vectors.json anew. A test holds the file against this, and
another one sends the same samples to a real ledger.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from schemas import decoding, identifiers
from schemas.topics import Topics
from streams import rendering
from streams.books import Books
from streams.deciding import Decided
from streams.rendering import Message
from streams.rows import Place
from tests.vector_samples import KEYS, SAMPLES, Sample

FILE = Path(__file__).parents[1] / "schemas" / "vectors.json"
PARTITIONS = 4
FIRST_MS = 1_795_255_200_000
"""2026-11-21T10:00:00Z: the first sample's time; each later one's is a second later."""

ABOUT = """\
Test vectors of Wallet Streams: give them to your producer and to your consumer.

keys: the signed murmur2 of a record's key, and its partition among so many.

samples: records of the commands topic, in order, on a ledger that is empty, and what the ledger \
says to each: one result (null: none, it was done before or is no command), events, records of the \
delayed topic, a dead letter.

A record's value is text, in UTF-8. What the ledger says is JSON without blanks, its members in \
this order: to the byte. Ids and times follow from partition, offset and timestamp_ms (the \
broker's), which are those of a topic that holds nothing else.

partition_given: the record has no key, and was sent there."""

Json = dict[str, Any]


class Sent(NamedTuple):
    """A sample as a record of the commands topic, where and when it stands there."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]


class Everything(set[str]):
    """A set that holds whatever is asked for: every payment is kept for a refund to come."""

    def __contains__(self, _: object) -> bool:
        return True


@dataclass
class Answered:
    """What the ledger says to one record: at most one result and dead letter."""

    results: list[Message] = field(default_factory=list)
    events: list[tuple[int, Message]] = field(default_factory=list)
    scheduled: list[Message] = field(default_factory=list)
    dead_letters: list[Message] = field(default_factory=list)


class Play:
    """A ledger in memory that decides records one by one by the real rules."""

    def __init__(self, topic: str, partitions: int = PARTITIONS) -> None:
        self._topic = topic
        self._partitions = partitions
        self._books = Books({}, {})
        self._seen: dict[str, str] = {}
        self._numbers: Counter[int] = Counter()
        self._transactions: dict[str, str] = {}

    def record_of(self, sample: Sample) -> tuple[bytes | None, bytes, list[tuple[str, bytes]]]:
        """Key, value and headers, with the ids that earlier samples have given."""
        text = sample.value
        for name, given in self._transactions.items():
            text = text.replace(f"<{name}>", given)
        key = None if sample.key is None else sample.key.encode()
        return key, text.encode(), [(name, said.encode()) for name, said in sample.headers.items()]

    def take(self, sample: Sample, sent: Sent) -> Answered:
        """Decide a record; what is to be said of it."""
        place = Place(self._topic, sent.partition, self._partitions)
        decided = Decided(place, self._books, self._seen, Everything())
        decided.take(sent, decoding.decode(sent.key, sent.value, sent.headers))
        if decided.commands and decided.commands[0].transaction_id:
            self._transactions[sample.name] = decided.commands[0].transaction_id
        events = [(sent.partition, event) for event in decided.events]
        events += [
            (arrival.partition, rendering.arrived_message(arrival.event))
            for arrival in decided.arrivals
        ]
        for partition, event in events:
            rendering.numbered([event], self._numbers[partition])
            self._numbers[partition] += 1
        return Answered(decided.results, events, decided.steps, decided.dead)


def played() -> Iterator[tuple[Sample, Sent, Answered]]:
    """All samples, a second apart, on a ledger that holds nothing else."""
    play = Play(Topics().commands.name)
    offsets: Counter[int] = Counter()
    for turn, sample in enumerate(SAMPLES):
        key, value, headers = play.record_of(sample)
        partition = home_of(sample)
        place = (partition, offsets[partition], FIRST_MS + turn * 1000)
        sent = Sent(*place, key, value, headers)
        offsets[partition] += 1
        yield sample, sent, play.take(sample, sent)


def home_of(sample: Sample) -> int:
    """The partition of a sample's record: its key's, or the one that it is sent to."""
    if sample.key is None:
        assert sample.partition is not None, "where a record without a key goes is luck"
        return sample.partition
    return identifiers.partition_of(sample.key, PARTITIONS)


def document() -> Json:
    """The whole file."""
    return {
        "about": ABOUT.split("\n\n"),
        "partitions": PARTITIONS,
        "keys": [_key(key) for key in KEYS],
        "samples": [_sample(*each) for each in played()],
    }


def _key(key: str) -> Json:
    hashed = identifiers.murmur2(key.encode())
    signed = hashed - (hashed >> 31 << 32)
    homes = {str(count): identifiers.partition_of(key, count) for count in (1, 4, 6, 24, 100)}
    return {"key": key, "murmur2": signed, "partitions": homes}


def _sample(sample: Sample, sent: Sent, answered: Answered) -> Json:
    given = {"partition_given": True} if sample.key is None else {}
    return {
        "name": sample.name,
        "says": sample.says,
        "record": {
            "partition": sent.partition, **given, "offset": sent.offset,
            "timestamp_ms": sent.timestamp, "key": sample.key,
            "headers": dict(sample.headers), "value": sent.value.decode(),
        },
        "result": _first(_said(each) for each in answered.results),
        "events": [{"partition": home, **_said(each)} for home, each in answered.events],
        "scheduled": [_said(each) for each in answered.scheduled],
        "dead_letter": _first(_said(each) for each in answered.dead_letters),
    }  # fmt: skip


def _first(said: Iterable[Json]) -> Json | None:
    return next(iter(said), None)


def _said(message: Message) -> Json:
    """A message as JSON; the value of a dead letter is text, for it may be anything."""
    headers = {name: text.decode() for name, text in message.headers if isinstance(text, bytes)}
    value = (message.value or b"").decode()
    is_ours = "_dlq.errors.reason" not in headers
    return {
        "key": None if message.key is None else message.key.decode(),
        "headers": headers,
        "value": json.loads(value) if is_ours else value,
    }


def main() -> None:
    """Write the file."""
    FILE.write_text(text_of(document()), encoding="utf-8")


def text_of(whole: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
