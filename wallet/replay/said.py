"""The events log beside the events that a replay makes: each must be the other's, byte by byte.

Both are in another order, so an event is kept until its twin has come by. What is left at the end
was never published: events that wait for their writer, and those of a batch that nobody said.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, NamedTuple

from confluent_kafka import Message

from schemas import events
from schemas.settings import Settings
from streams.rows import Arrival
from wallet.failure import Failure
from wallet.replay.failure import Difference
from wallet.replay.plan import NOT_KNOWN
from wallet.replay.reading import Span, runs
from wallet.replay.recorded import event_number
from wallet.replay.second import Made

Bounds = Mapping[int, tuple[int, int]]
"""Partition -> the first offset of its commands, and the one after the last."""


class Unsaid(NamedTuple):
    """What the log of a partition does not have: its own events, and those that wait there."""

    own: list[bytes]
    waiting: list[Arrival]


class Said:
    """Follows the events log of all partitions, `spans`, from the events numbered `first` on.

    A number that is not known is that of the first event there.
    """

    def __init__(
        self, settings: Settings, spans: Mapping[int, Span], first: Mapping[int, int]
    ) -> None:
        self._logs: Final[dict[int, Iterator[Message]]] = {
            partition: chain.from_iterable(runs(settings, span, committed=True))
            for partition, span in spans.items()
        }
        self.numbers: Final = dict(first)
        """Partition -> the number of the next event of its log."""
        self._made: Final[dict[int, dict[bytes, Arrival | None]]] = {p: {} for p in spans}
        self._told: Final[dict[int, dict[bytes, None]]] = {p: {} for p in spans}
        self.compared = 0

    def add(self, made: Made) -> None:
        """Take up the events of a batch, and read the log about as far."""
        for partition, part in made.parts.items():
            for message in part.events:
                self.expect(partition, message.value or b"", None)
            for arrival in made.arrivals[partition]:
                self.expect(partition, text_of(arrival).encode(), arrival)
        for partition, waiting in self._made.items():
            while waiting and self._read(partition):
                pass

    def expect(self, partition: int, value: bytes, arrival: Arrival | None) -> None:
        """Take up an event; one that arrived from another partition with its waiting text."""
        if value in self._told[partition]:
            del self._told[partition][value]
            self.compared += 1
        else:
            self._made[partition][value] = arrival

    def finish(
        self, bounds: Mapping[int, tuple[int, int]]
    ) -> tuple[dict[int, Unsaid], list[Difference]]:
        """Read the logs to their ends: what they lack, and what they have that was not made.

        `bounds` are the offsets of the commands that were replayed: what was told of others is
        not this replay's.
        """
        for partition in self._logs:
            while self._read(partition):
                pass
        differences = [
            Difference("an event that the replay does not make", where, value.decode())
            for told in self._told.values()
            for value in told
            if (where := _within(value, bounds))
        ]
        unsaid = {
            partition: Unsaid(
                [value for value, arrival in made.items() if arrival is None],
                [arrival for arrival in made.values() if arrival is not None],
            )
            for partition, made in self._made.items()
        }
        return unsaid, differences

    def _read(self, partition: int) -> bool:
        """Read one more event; False at the end of the log."""
        message = next(self._logs[partition], None)
        if message is None:
            return False
        number = event_number(message)
        if self.numbers[partition] == NOT_KNOWN:
            self.numbers[partition] = number
        if number < self.numbers[partition]:
            return True  # from before the replay
        if number > self.numbers[partition]:
            where = f"{message.topic()}[{partition}] at {message.offset()}"
            wanted = self.numbers[partition]
            raise Failure(f"{where} is event {number}, but {wanted} comes next: events were lost")
        self.numbers[partition] = number + 1
        value = message.value() or b""
        if value in self._made[partition]:
            del self._made[partition][value]
            self.compared += 1
        else:
            self._told[partition][value] = None
        return True


def text_of(arrival: Arrival) -> str:
    """The text of an event that waits, without what travels in headers."""
    return arrival.event.partition("\t")[0]


def _within(value: bytes, bounds: Bounds) -> str:
    """Where an event's command stands, if it was replayed."""
    command = events.decode(value).command
    start, end = bounds[command.partition]
    inside = start <= command.offset < end
    return f"{command.partition}:{command.offset}" if inside else ""
