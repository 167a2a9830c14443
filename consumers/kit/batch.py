"""One batch of one partition, in one transaction: the place, what is new, what is put aside."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog
from confluent_kafka import Message
from psycopg2.extensions import connection, cursor

from consumers.kit.faults import reached
from consumers.kit.places import Parked, Place, Places
from consumers.kit.projection import PoisonError, Projection
from consumers.kit.reading import Told, UnreadableError, read
from consumers.kit.sequences import Gap, news
from producers.headers import headers_of

log: Final = structlog.get_logger(__name__)


class StoppedError(Exception):
    """The consumer has chosen to end rather than go on over this; the text says over what."""


class _Read(NamedTuple):
    """What a batch's records say."""

    told: list[Told]
    parked: list[Parked]


class Batches:
    """Applies batches for one consumer."""

    def __init__(self, projection: Projection, places: Places) -> None:
        self._projection = projection
        self._places = places

    def apply(self, opened: connection, place: Place, records: Sequence[Message]) -> Place:
        """Apply records of a place's partition, from its next offset on; where it is then.

        Raises FencedError, StoppedError, psycopg2.Error, and what the consumer's apply() raises;
        then nothing was written, unless the connection broke in the commit.
        """
        end = (records[-1].offset() or 0) + 1
        try:
            with opened.cursor() as at:
                self._places.move(at, place, end)
                self._write(at, place, records)
            reached("before-commit")
            opened.commit()
        except BaseException:
            if not opened.closed:
                opened.rollback()
            raise
        reached("after-commit")
        return place._replace(next_offset=end)

    def _write(self, at: cursor, place: Place, records: Sequence[Message]) -> None:
        found = self._read(records)
        for parked in found.parked:
            self._park(at, parked)
        known = self._places.last(at, {told.event.wallet_id for told in found.told})
        new = news(found.told, known, is_whole=place.is_whole)
        for gap in new.gaps:
            self._judge(at, gap)
        if new.repeated:
            log.info("passed over what was applied", events=new.repeated, partition=place.partition)
        self._hand_over(at, new.fresh, records)
        self._places.saw(at, new.last)

    def _read(self, records: Sequence[Message]) -> _Read:
        found = _Read([], [])
        for record in records:
            try:
                found.told.append(read(record))
            except UnreadableError as error:
                found.parked.append(_parked(record, str(error), is_event=False))
        return found

    def _hand_over(self, at: cursor, events: list[Told], records: Sequence[Message]) -> None:
        """Let the consumer apply them, without what it can make nothing of."""
        left = list(events)
        while left:
            at.execute("SAVEPOINT applied")
            try:
                self._projection.apply(at, left)
            except PoisonError as poison:
                at.execute("ROLLBACK TO SAVEPOINT applied")
                offset = poison.told.offset
                record = next(each for each in records if each.offset() == offset)
                self._park(at, _parked(record, str(poison), is_event=True))
                rest = [each for each in left if each.offset != offset]
                assert len(rest) < len(left), "the poison is none of what was to be applied"
                left = rest
            else:
                return

    def _park(self, at: cursor, parked: Parked) -> None:
        where = f"offset {parked.offset} of partition {parked.partition}"
        if self._projection.poison == "stop":
            raise StoppedError(f"{where}: {parked.why}")
        log.warning("parked", record=where, why=parked.why)
        self._places.park(at, parked)

    def _judge(self, at: cursor, gap: Gap) -> None:
        wallet, sequence = gap.told.event.wallet_id, gap.told.event.sequence
        if self._places.explain(at, wallet, gap.missing):
            return
        what = f"{gap.missing} events of wallet {wallet} are missing before its sequence {sequence}"
        if self._projection.gaps == "stop":
            raise StoppedError(f"{what}, at offset {gap.told.offset}")
        log.warning("events are missing", what=what)


def _parked(record: Message, why: str, *, is_event: bool) -> Parked:
    offset, partition = record.offset(), record.partition()
    assert offset is not None
    assert partition is not None
    headers = headers_of(record) or ()
    return Parked(partition, offset, is_event, why, record.key(), record.value(), headers)
