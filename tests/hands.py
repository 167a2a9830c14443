"""A worker's partitions moved by hand, in the test's own process: no group, no threads, no wait."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.settings import Settings
from streams.asked import Asked
from streams.claim import Claim, claim
from streams.journal import Held, Journal
from streams.rendering import Message, arrived_message, numbered
from streams.rows import Place
from wallet.replay.reading import Logs, Span
from wallet.replay.recorded import items

Say = Callable[[Sequence[Message], Sequence[Message], Sequence[Message], Sequence[Message]], None]
"""Publishes a batch: its results, events, steps and dead letters."""


class Hand:
    """One claimed partition. A batch is committed, and published only if told to."""

    def __init__(self, settings: Settings, partition: int) -> None:
        self.settings = settings
        place = Place(settings.topics.commands.name, partition, settings.partitions)
        self._held: Claim = claim(settings, place, "hand@here:0", lambda: True)
        self._next_offset = self._held.next_offset
        self._next_event = self._held.next_event

    def batch(self, most: int = 1000, *, is_published: bool = True, say: Say | None = None) -> bool:
        """Do what waits, at most so many commands; whether there was anything.

        `say` publishes it, instead of the claim's publisher.
        """
        partition, topic = self._held.place.partition, self._held.place.topic
        with Logs(self.settings) as logs:
            high = logs.bounds(topic, partition).high
        end = min(high, self._next_offset + most)
        asked = Asked()
        for item in items(self.settings, Span(topic, partition, self._next_offset, end)):
            asked.add(item.record, item.decoded)
        self._held.publisher.await_seen()
        journal = Journal(self.settings, self._held.place)
        written = journal.write(Held(self._held.epoch, self._next_offset, end), asked)
        journal.close()
        if written is None:
            return False
        decided = written.decided
        arrived = [arrived_message(text) for text in written.arrived]
        told = numbered(arrived + decided.events, self._next_event)
        self._next_offset, self._next_event = end, self._next_event + len(told)
        if is_published:
            publish = say or self._held.publisher.publish
            publish(decided.results, told, decided.steps, decided.dead)
        return True


class Hands(NamedTuple):
    """All partitions of a ledger."""

    of: list[Hand]

    def work(self, most: int = 1000) -> None:
        """Do and publish all that waits, by turns, at most so many commands at a time."""
        turn = [True]
        while any(turn):
            turn = [hand.batch(most) for hand in self.of]


def hands_of(settings: Settings) -> Hands:
    """Claim all partitions."""
    return Hands([Hand(settings, partition) for partition in range(settings.partitions)])
