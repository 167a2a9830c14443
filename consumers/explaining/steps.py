"""What a path is made of."""

from datetime import UTC, datetime

import msgspec
from confluent_kafka import Message

from schemas.moments import in_milliseconds


class Step(msgspec.Struct, frozen=True):
    """One thing that happened, and where it stands; `at` is None where nobody wrote the time down.

    `facts` are names and texts.
    """

    what: str
    at: str | None = None
    where: str | None = None
    facts: list[tuple[str, str]] = []


class Explanation(msgspec.Struct, frozen=True):
    """A command's path. `outcome` is completed, rejected, waiting or unreadable."""

    source: str | None
    id: str | None
    type: str | None
    outcome: str
    steps: list[Step]


def time_of(record: Message) -> str:
    """When a record came into the log, or was said to have come, as the ledger writes times."""
    return in_milliseconds(datetime.fromtimestamp(record.timestamp()[1] / 1000, UTC))


def place_of(topic: str, record: Message) -> str:
    """Where a record stands: TOPIC PARTITION:OFFSET."""
    return f"{topic} {record.partition()}:{record.offset()}"
