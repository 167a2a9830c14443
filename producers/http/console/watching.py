"""How the ledger is: what waits, how fast it goes, how much there is; shared by all who look.

Looked at only while somebody does. The totals go through whole tables, so they are counted again
only after a time that is long beside what the counting took.
"""

import asyncio
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from producers.http.console import reading_overview
from producers.http.console.reading_overview import Progress, Totals
from producers.http.errors import EarlyError
from producers.http.reading import Reading
from schemas.settings import Settings

ANSWER_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 1.0
"""Many may look at once: they share what was read a moment ago."""
CHART_SECONDS: Final = 300.0
SAMPLES_MAX: Final = 300
GAP_SECONDS: Final = 30.0
"""Between two samples further apart nobody has looked: the chart leaves a gap."""
COUNT_SECONDS: Final = 15.0
COUNT_SHARE: Final = 20
"""Counting may take one part in so many of the time: 5 percent of one connection."""


class Partition(msgspec.Struct, frozen=True):
    """A partition of the commands topic: who works on it, and how far; offsets of what is next."""

    partition: int
    owner: str | None
    epoch: int
    next_offset: int
    log_end: int | None

    @property
    def waiting(self) -> int | None:
        """How many commands wait; None where Kafka does not say."""
        return None if self.log_end is None else max(0, self.log_end - self.next_offset)


class Point(msgspec.Struct, frozen=True):
    """A point of the chart: seconds of a monotonic clock, and commands a second before it."""

    at: float
    rate: float | None


class Pulse(msgspec.Struct, frozen=True):
    """The ledger at a moment. `problems` is empty when all is well."""

    at: datetime
    partitions: list[Partition]
    signs: dict[str, Any]
    points: list[Point]
    problems: list[str]

    @property
    def waiting(self) -> int | None:
        """Commands that wait, on all partitions."""
        found = [each.waiting for each in self.partitions]
        known = [each for each in found if each is not None]
        return sum(known) if len(known) == len(found) else None

    @property
    def done(self) -> int:
        """Records of the commands topic that are done with."""
        return sum(each.next_offset for each in self.partitions)

    @property
    def rate(self) -> float | None:
        """Commands a second, between the last two looks."""
        return self.points[-1].rate if self.points else None


class Watch:
    """The eyes of one gateway."""

    def __init__(self, settings: Settings, reading: Reading) -> None:
        self._settings = settings
        self._reading = reading
        self._consumer: Consumer | None = None
        self._looking = asyncio.Lock()
        self._counting = asyncio.Lock()
        self._pulse: Pulse | None = None
        self._looked_at = 0.0
        self._points: deque[Point] = deque(maxlen=SAMPLES_MAX)
        self._last: tuple[float, int] | None = None
        self._totals: Totals | None = None
        self._count_again = 0.0

    async def look(self) -> Pulse:
        """The ledger as it is, at most a second old. Raises EarlyError 503."""
        async with self._looking:
            if self._pulse is None or time.monotonic() - self._looked_at > FRESH_SECONDS:
                self._pulse = await self._look()
                self._looked_at = time.monotonic()
            return self._pulse

    async def totals(self) -> Totals | None:
        """How much there is, some seconds old; None where it takes too long to count."""
        async with self._counting:
            if time.monotonic() < self._count_again:
                return self._totals
            started = time.monotonic()
            try:
                self._totals = await self._reading.read(reading_overview.totals)
            except EarlyError:
                self._totals = None
            took = time.monotonic() - started
            self._count_again = time.monotonic() + max(COUNT_SECONDS, COUNT_SHARE * took)
            return self._totals

    async def close(self) -> None:
        """Let the client go."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await asyncio.to_thread(consumer.close)

    async def _look(self) -> Pulse:
        topic = self._settings.topics.commands
        rows = await self._reading.read(reading_overview.progress, topic.name)
        signs = await self._reading.read(reading_overview.signs)
        problems: list[str] = []
        ends: dict[int, int] = {}
        try:
            ends = await asyncio.to_thread(self._log_ends)
        except KafkaException as error:
            problems.append(f"Kafka does not answer: {error.args[0].str()}. Is it running?")
        partitions = [
            _partition(number, rows.get(number), ends.get(number))
            for number in range(topic.partitions)
        ]
        problems += [
            f"Nobody has ever worked on partition {each.partition}. Start a worker."
            for each in partitions
            if each.owner is None and each.waiting
        ]
        points = self._note(sum(each.next_offset for each in partitions))
        return Pulse(datetime.now(UTC), partitions, signs, points, problems)

    def _note(self, done: int) -> list[Point]:
        """Take a sample; gives those of the chart's span."""
        now = time.monotonic()
        if self._last is not None:
            since, before = self._last
            passed = now - since
            rate = None if passed > GAP_SECONDS else max(0, done - before) / passed
            self._points.append(Point(now, rate))
        self._last = (now, done)
        return [each for each in self._points if now - each.at <= CHART_SECONDS]

    def _log_ends(self) -> dict[int, int]:
        """In a thread, one at a time."""
        self._consumer = consumer = self._consumer or _consumer(self._settings)
        topic = self._settings.topics.commands
        try:
            return {
                number: consumer.get_watermark_offsets(
                    TopicPartition(topic.name, number), timeout=ANSWER_SECONDS
                )[1]
                for number in range(topic.partitions)
            }
        except KafkaException:
            self._consumer = None  # as wallet.local.lag: after a broker's crash a new one is needed
            raise


def _partition(number: int, row: Progress | None, end: int | None) -> Partition:
    if row is None:
        return Partition(number, None, 0, 0, end)
    return Partition(number, row.owner, row.epoch, row.next_offset, end)


def _consumer(settings: Settings) -> Consumer:
    """A consumer that only asks for ends."""
    return Consumer(
        {
            **settings.kafka_client(),
            "group.id": f"{settings.application}-console",  # required, never joined
            "enable.auto.commit": False,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
    )
