"""Where the records of one command stand in the topics, found without reading all of them."""

from collections.abc import Callable
from itertools import islice
from typing import Final

from confluent_kafka import Message

from consumers.records import Records
from producers.headers import headers_of
from schemas import identifiers
from schemas.cloudevents import EnvelopeError, read
from schemas.settings import Settings

EARLIER_MS: Final = 5_000
"""Records are looked for from so long before their command on: clocks of machines differ."""

MOST_RECORDS: Final = 50_000
"""So many records are looked through for one, at most: a second or two."""


class CommandLog:
    """Finds records. Methods raise RecordsError."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._records = records
        self._topics = settings.topics
        self._partitions = settings.partitions

    def command(self, partition: int, offset: int) -> Message | None:
        """The record of a command; None when it is not kept any more."""
        return self._records.at(self._topics.commands.name, partition, offset)

    def result(self, partition: int, offset: int) -> Message | None:
        """The record of a command's result: they stand in the order of their commands."""
        topic = self._topics.results.name
        low, high = self._records.bounds(topic, partition)
        while low < high:
            middle = (low + high) // 2
            found = next(self._records.read(topic, partition, middle, high), None)
            if found is None:
                high = middle
                continue
            source = _source(found)
            if source == offset:
                return found
            if source < offset:
                low = (found.offset() or 0) + 1
            else:
                high = middle
        return None

    def event(self, wallet_id: str, sequence: int, moment_ms: int) -> Message | None:
        """The record of an event that was said at that moment or a little later."""
        name = identifiers.event_id(wallet_id, sequence).encode()
        partition = identifiers.partition_of(wallet_id, self._partitions)
        topic = self._topics.events.name
        return self._find(topic, partition, moment_ms, lambda headers: headers.get("ce_id") == name)

    def step(self, partition: int, offset: int, moment_ms: int) -> Message | None:
        """The record on the delayed topic that a command led to."""
        source = b"%d:%d" % (partition, offset)
        topic = self._topics.scheduled.name
        return self._find(topic, partition, moment_ms, lambda headers: headers.get("src") == source)

    def dead_letter(self, partition: int, offset: int, moment_ms: int) -> Message | None:
        """The record on the dead letter topic."""
        source = b"%d:%d" % (partition, offset)
        topic = self._topics.dead_letters.name
        return self._find(topic, partition, moment_ms, lambda headers: headers.get("src") == source)

    def waiting(self, source: str | None, command_id: str, done: dict[int, int]) -> Message | None:
        """The record of a command that the ledger has not come to yet.

        `done` is the next offset of each partition.
        """
        topic = self._topics.commands.name
        for partition in range(self._partitions):
            high = self._records.bounds(topic, partition).high
            start = done.get(partition, 0)
            if start >= high:
                continue
            for record in islice(self._records.read(topic, partition, start, high), MOST_RECORDS):
                if _is(record, source, command_id):
                    return record
        return None

    def _find(
        self,
        topic: str,
        partition: int,
        moment_ms: int,
        is_it: Callable[[dict[str, bytes]], bool],
    ) -> Message | None:
        start = self._records.offset_at(topic, partition, moment_ms - EARLIER_MS)
        high = self._records.bounds(topic, partition).high
        if start >= high:
            return None
        for record in islice(self._records.read(topic, partition, start, high), MOST_RECORDS):
            if is_it(dict(headers_of(record) or ())):
                return record
        return None


def _source(record: Message) -> int:
    """The offset of the command that a result answers."""
    said = dict(headers_of(record) or ()).get("src", b"0:-1")
    return int(said.decode().partition(":")[2])


def _is(record: Message, source: str | None, command_id: str) -> bool:
    try:
        envelope = read(record.value(), headers_of(record) or ())
    except EnvelopeError:
        return False
    return envelope.id == command_id and source in (None, envelope.source)
