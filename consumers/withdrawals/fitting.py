"""Whether the database fits the delayed topic: one restored from a backup knows less than that.

On its word a bank would be called for what it has paid since, or what went back to the wallet. So
no call is claimed there (`calls.py`), and the bank caller ends, as workers do, until the database
has caught up.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from confluent_kafka import Message

from consumers.withdrawals.rows import Rows
from producers.headers import headers_of
from producers.tails import Tails
from schemas.settings import Settings

NOTHING: Final = -1
"""Instead of an offset: the topic tells of no command."""


class BehindError(Exception):
    """The database lacks what the topic tells of; the text says what to do."""


class Told:
    """The newest command on each partition that the delayed topic tells of, as an offset.

    What is known of a partition that went to others is old, and still true.
    """

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}

    def of(self, partition: int) -> int:
        """The offset of the newest command; NOTHING where there is none."""
        return self._offsets.get(partition, NOTHING)

    def learn(self, offsets: Mapping[int, int]) -> None:
        """Take in what the topic tells now."""
        self._offsets |= offsets

    def refuse_behind(self, rows: Rows) -> None:
        """Ask the database how far it has come. Raises BehindError, psycopg2.Error."""
        told = dict(self._offsets)  # before it is asked: it goes on, and is always ahead of it
        come = rows.next_offsets()
        for partition, offset in told.items():
            if offset >= come.get(partition, 0):
                raise BehindError(
                    f"the delayed topic tells of command {offset} on partition {partition}, the"
                    f" database only knows commands before {come.get(partition, 0)}: no bank is"
                    " called on its word. If it was restored from a backup, stop the workers and"
                    " say `wallet replay --catch-up`"
                )


def told_by(records: Iterable[Message]) -> dict[int, int]:
    """The newest command that records of the delayed topic tell of, by partition."""
    found = {}
    for record in records:
        offset = _offset(dict(headers_of(record) or ()).get("src"))
        if offset != NOTHING:
            found[record.partition() or 0] = offset
    return found


def told_so_far(settings: Settings, group: str, partitions: Iterable[int]) -> dict[int, int]:
    """The newest command that the topic tells of, by partition: its last record's.

    Raises KafkaException, TailTimeoutError.
    """
    topic = settings.topics.scheduled.name
    found = {}
    with Tails(settings, group=group) as tails:
        for partition in partitions:
            tails.get_ready(partition, [topic], topic)
            ends = {topic: tails.bounds(topic, partition)}
            found[partition] = _offset(tails.last(partition, {topic: "src"}, ends)[topic].value)
    return found


def _offset(source: bytes | None) -> int:
    """The offset within a `src` header, "partition:offset"; NOTHING in one that says none."""
    _, _, offset = (source or b"").partition(b":")
    return int(offset) if offset.isdigit() else NOTHING
