"""The process: reads events, makes a receipt of each transfer that gets one, commits its offsets.

One thread. Killed at any point, it makes again what it had not committed: the same files.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg2
import structlog
from confluent_kafka import KafkaException, Message

from consumers import process
from consumers.receipts.facts import Facts
from consumers.receipts.faults import reached
from consumers.receipts.following import Following
from consumers.receipts.making import Making
from producers.failure import one_line
from schemas.settings import Settings

POLL_SECONDS: Final = 0.5
"""The longest poll: signals are looked at in between."""

PAUSE_SECONDS: Final = 0.5
"""Between two tries of a database or a disk that refuses."""

PATIENCE_SECONDS: Final = 40.0
"""How long they may refuse before this process gives up, for a new one to try. Less than the time
after which the group gives our partitions to others."""

log: Final = structlog.get_logger(__name__)


class Receipts:
    """The maker of receipts."""

    def __init__(self, settings: Settings, slot: str, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._making = Making(settings, slot)
        self._following = Following(settings, slot)

    def turn(self) -> None:
        """Read what has come, make its receipts, commit."""
        wanted = self._wanted(self._following.poll(POLL_SECONDS))
        if wanted and not self._insist(lambda: self._making.make(wanted)):
            return
        if wanted:
            reached("before-commit")
        self._following.done(at_once=bool(wanted))
        if wanted:
            log.info("receipts made", count=len(wanted))
            reached("after-commit")

    def close(self) -> None:
        """Leave the group."""
        self._following.close()
        self._making.close()

    def _wanted(self, records: Sequence[Message]) -> list[Facts]:
        """What the receipts to be made say."""
        found = []
        for record in records:
            try:
                facts = self._making.chosen.facts(record.value() or b"")
            except ValueError as wrong:  # msgspec's is one
                place = (record.partition(), record.offset())
                log.warning("no event, passed over", place=place, why=str(wrong))
                continue
            if facts is not None and self._making.is_missing(facts):
                found.append(facts)
        return found

    def _insist(self, do: Callable[[], None]) -> bool:
        """Do it, again where the database or the disk refuses; False when we were told to stop.

        Raises psycopg2.Error or OSError when they refuse for too long.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                do()
            except (psycopg2.Error, OSError) as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("no receipt could be made, trying again", why=one_line(error))
                if self._stopping.wait(PAUSE_SECONDS):
                    return False
            else:
                return True


def main(settings: Settings, slot: str) -> int:
    """Make receipts until SIGTERM or SIGINT; the exit code. 70: something refuses for too long."""
    return process.run(
        "maker of receipts",
        lambda stopping: Receipts(settings, slot, stopping),
        (KafkaException, psycopg2.Error, OSError),
        slot=slot,
        folder=str(settings.receipts_folder),
    )
