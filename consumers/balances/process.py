"""The process: reads events, publishes the newest balance of each wallet that they touch.

One thread. Records and offsets are one transaction, so whoever goes on after a crash neither
leaves out nor repeats. The group's offsets may have been lost or moved back, so what stood in the
log when a partition became ours may have been told before, and newer things too. Of that only what
is still so is published, by the ledger's table: never does an older sequence follow a newer one.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import psycopg2
import structlog
from aiokafka.errors import KafkaError
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from consumers import process
from consumers.balances.newest import is_history, newest, record_of
from consumers.balances.publisher import Publisher
from consumers.balances.sequences import Sequences
from consumers.kit.member import Member
from consumers.kit.reading import Told, UnreadableError, read
from producers.bounds import bounds, committed
from schemas.settings import Settings

GROUP: Final = "balances"

BATCH: Final = 2000
"""Most events of one transaction."""

POLL_SECONDS: Final = 0.5
"""The longest poll: signals are looked at in between."""

CHANGES: Final[Mapping[str, Any]] = {
    # The events are kept for ever: a log that was cut is another log.
    "auto.offset.reset": "error",
    # Nobody waits for a balance as for a result: fewer and larger transactions.
    "fetch.min.bytes": 64 * 1024,
    "fetch.wait.max.ms": 200,
}

log: Final = structlog.get_logger(__name__)


class Balances:
    """The maker of balances. Turn it until it is to end; what it raises must end the process."""

    def __init__(self, settings: Settings, slot: str) -> None:
        self._settings = settings
        topic = settings.topics.events
        self._topic = topic.name
        self._ends: dict[int, int] = {}
        self._sequences = Sequences(settings)
        self._publisher = Publisher(settings, slot, f"{settings.application}-{GROUP}")
        self._member = Member(settings, topic, GROUP, self, slot=slot, batch=BATCH, changes=CHANGES)

    def turn(self) -> None:
        """Read what has come, and publish what it leads to."""
        records = self._member.poll(POLL_SECONDS)
        if not records:
            return
        last = newest(_last_of_keys(records) or _readable(records)).values()
        wanted = [record_of(told) for told in self._still_so(last)]
        ends = {record.partition() or 0: (record.offset() or 0) + 1 for record in records}
        offsets = [TopicPartition(self._topic, number, end) for number, end in ends.items()]
        member = self._member.consumer.consumer_group_metadata()
        self._publisher.publish(wanted, offsets, member)

    def close(self) -> None:
        """Leave the group."""
        self._member.close()
        self._sequences.close()

    def begin(self, consumer: Consumer, partitions: list[int]) -> Mapping[int, int]:
        """Where the group is, or the first event there is."""
        # Waits for a transaction that an owner before us has under way.
        kept = committed(consumer, self._topic, partitions, self._settings.kafka_timeout)
        for number in partitions:
            # After the owners before us, who have read no further and can publish no more.
            found = bounds(consumer, self._topic, number, self._settings.kafka_timeout)
            self._ends[number] = found.high
        return dict.fromkeys(partitions, 0) | kept

    def gained(self, partitions: list[int]) -> None:
        """Nothing is left to be done."""

    def leaving(self, partitions: list[int]) -> None:
        """What was published is committed."""

    def lost(self, partitions: list[int]) -> None:
        """The broker refuses what we might still publish of them."""

    def _still_so(self, told: Collection[Told]) -> list[Told]:
        """Those that may be published: of what may have been told before, only what is so now."""
        history = [each for each in told if is_history(each, self._ends)]
        if not history:
            return list(told)
        now = self._sequences.of({each.event.wallet_id for each in history})
        gone = {each.id for each in history if now.get(each.event.wallet_id) != each.event.sequence}
        return [each for each in told if each.id not in gone]


def _last_of_keys(records: Sequence[Message]) -> list[Told] | None:
    """The last event under each key, the only one that matters; the others need not be decoded.

    None where one of them is no event of its key's wallet: then all must be looked at.
    """
    last = {record.key(): record for record in records}
    try:
        told = [read(record) for record in last.values()]
    except UnreadableError:
        return None
    pairs = zip(last, told, strict=True)
    return told if all(each.event.wallet_id.encode() == key for key, each in pairs) else None


def _readable(records: Sequence[Message]) -> list[Told]:
    found = []
    for record in records:
        try:
            found.append(read(record))
        except UnreadableError as wrong:
            place = (record.partition(), record.offset())
            log.warning("no event, passed over", place=place, why=str(wrong))
    return found


def main(settings: Settings, slot: str) -> int:
    """Publish balances until SIGTERM or SIGINT; the exit code. 70: something does not answer."""
    troubles = (
        *(KafkaException, psycopg2.Error, BufferError),
        *(KafkaError, TimeoutError),  # aiokafka's, when it begins
    )
    return process.run("maker of balances", lambda _: Balances(settings, slot), troubles, slot=slot)
