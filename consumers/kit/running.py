"""The process of a consumer: reads, applies, keeps its place; ends when it is told to.

One thread. It may be killed at any point: whoever has its partitions next goes on at the place
that was committed together with what was written.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby
from os import getpid
from typing import Final, TypeVar

import psycopg2
import structlog
from confluent_kafka import Consumer, KafkaException, Message
from psycopg2.extensions import connection

from consumers import process
from consumers.kit.batch import Batches, StoppedError
from consumers.kit.connecting import connect
from consumers.kit.member import Member
from consumers.kit.places import FencedError, Place, Places
from consumers.kit.projection import LEDGERS_OWN, Projection
from producers.answering import LOST
from producers.bounds import bounds
from producers.failure import one_line
from schemas.settings import Settings

BATCH: Final = 1000
"""Most events of one batch: past some hundreds, a commit's cost is spread thin enough."""

POLL_SECONDS: Final = 0.5
"""The longest poll: signals are looked at in between."""

PAUSE_SECONDS: Final = 0.5
"""Between two tries of a database that refuses."""

PATIENCE_SECONDS: Final = 40.0
"""How long it may refuse before this process gives up, for a new one to try. Less than the time
after which the group gives our partitions to others."""

CHANGES: Final[Mapping[str, object]] = {
    # A log that was cut where we go on is lost to us: that must be seen, not passed over.
    "auto.offset.reset": "error",
}

_Given = TypeVar("_Given")

log: Final = structlog.get_logger(__name__)


class Running:
    """A consumer at work. Turn it until it is to end; what it raises must end the process."""

    def __init__(
        self,
        projection: Projection,
        settings: Settings,
        slot: str,
        stopping: threading.Event,
        *,
        database_url: str | None = None,
        batch: int = BATCH,
    ) -> None:
        """Join the group, the database ready. Raises ValueError for a name that is taken."""
        if projection.name in LEDGERS_OWN:
            raise ValueError(
                f"Projection.name {projection.name!r} is the group of a process of the ledger's"
                f" own, as {', '.join(sorted(LEDGERS_OWN))} are; name it otherwise"
            )
        self._projection = projection
        self._settings = settings
        self._stopping = stopping
        self._url = database_url or settings.database_url
        topic = settings.topics.events
        self._topic = topic.name
        owner = f"{slot}:{socket.gethostname()}:{getpid()}"
        self._places = Places(projection.name, topic.name, owner)
        self._batches = Batches(projection, self._places)
        self._held: dict[int, Place] = {}
        self._failing_since: float | None = None
        self._opened: connection | None = None
        self._insist(lambda opened: self._places.prepare(opened, projection.tables))
        self._member = Member(
            settings, topic, projection.name, self, slot=slot, batch=batch, changes=CHANGES
        )

    def turn(self) -> None:
        """Read what has come and apply it, partition by partition."""
        records = self._member.poll(POLL_SECONDS)
        for partition, run in groupby(sorted(records, key=_place), key=_partition):
            self._apply(partition, list(run))

    def close(self) -> None:
        """Leave the group."""
        self._member.close()
        self._let_go()

    def begin(self, consumer: Consumer, partitions: list[int]) -> Mapping[int, int]:
        """Claim new partitions: no older owner can commit from here on."""
        for number in partitions:
            self._held[number] = self._claim(consumer, number)
        return {number: self._held[number].next_offset for number in partitions}

    def gained(self, partitions: list[int]) -> None:
        """Nothing is left to be done."""

    def leaving(self, partitions: list[int]) -> None:
        """What was applied is committed, what was not is read by the next owner."""
        self.lost(partitions)

    def lost(self, partitions: list[int]) -> None:
        """Forget them."""
        for number in partitions:
            self._held.pop(number, None)

    def _apply(self, partition: int, run: list[Message]) -> None:
        place = self._held.get(partition)
        # Where a place was just sought again, records from before it may still be on their way.
        run = [each for each in run if place and (each.offset() or 0) >= place.next_offset]
        if place is None or not run:
            return
        try:
            opened = self._connected()
            self._held[partition] = self._batches.apply(opened, place, run)
            self._failing_since = None
        except LOST as error:
            self._bear(error)
            self._begin_again()

    def _bear(self, error: psycopg2.Error) -> None:
        """Take it that a batch was refused, for a while; raises the error when that is over."""
        self._let_go()
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > PATIENCE_SECONDS:
            raise error
        log.warning("the database refuses, trying again", why=one_line(error))
        self._stopping.wait(PAUSE_SECONDS)

    def _begin_again(self) -> None:
        """Go on where the database says: only it knows whether the last commit was done."""
        for number, place in sorted(self._held.items()):
            now = self._insist(partial(self._places.again, place=place))
            self._held[number] = now
            self._member.seek(number, now.next_offset)

    def _claim(self, consumer: Consumer, partition: int) -> Place:
        claimed = self._insist(lambda opened: self._places.claim(opened, partition))
        if claimed is not None:
            return claimed
        found = bounds(consumer, self._topic, partition, self._settings.kafka_timeout)
        offset = found.low if self._projection.start == "beginning" else found.high
        is_whole = offset == 0
        self._insist(
            lambda opened: self._places.begin(opened, partition, offset, is_whole=is_whole)
        )
        return self._claim(consumer, partition)

    def _insist(self, do: Callable[[connection], _Given]) -> _Given:
        """Do it in a transaction, again while the database is away.

        Raises psycopg2.Error when it is away for too long, or we were told to stop.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                opened = self._connected()
                done = do(opened)
                opened.commit()
            except LOST as error:
                self._let_go()
                if time.monotonic() > deadline or self._stopping.is_set():
                    raise
                log.warning("the database refuses, trying again", why=one_line(error))
                self._stopping.wait(PAUSE_SECONDS)
            else:
                return done

    def _connected(self) -> connection:
        if self._opened is None:
            self._opened = connect(self._settings, self._url, self._projection.name)
        return self._opened

    def _let_go(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def run(
    projection: Projection,
    settings: Settings | None = None,
    *,
    slot: str = "1",
    database_url: str | None = None,
    batch: int = BATCH,
) -> int:
    """Run a consumer until SIGTERM or SIGINT; the exit code.

    `settings` are by default those of the environment. Its tables and its place are in the
    database at `database_url`, by default the ledger's. A transaction has at most `batch` events.
    Run as many processes as there are partitions, each under its own `slot`.

    Exit code 70: something refuses for too long, events are missing, or the partition is another's;
    a supervisor starts it again, and it goes on from what is committed.
    """
    given = settings or Settings.load()
    return process.run(
        "consumer",
        lambda stopping: Running(
            projection, given, slot, stopping, database_url=database_url, batch=batch
        ),
        (FencedError, StoppedError, KafkaException, psycopg2.Error),
        consumer=projection.name,
        slot=slot,
    )


def _partition(record: Message) -> int:
    return record.partition() or 0


def _place(record: Message) -> tuple[int, int]:
    return record.partition() or 0, record.offset() or 0
