"""Whether the database fits the delayed topic: one restored from a backup knows less than that.

On its word a bank would be called for what it has paid since, or what went back to the wallet. So
no call is claimed there (`calls.py`), and the bank caller ends, as workers do, until the database
has caught up.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import stamina
import structlog
from confluent_kafka import KafkaError, KafkaException, Message

from consumers.withdrawals.rows import Rows
from producers.bounds import PASSING
from producers.headers import headers_of
from producers.tails import Tails, TailTimeoutError
from schemas import events
from schemas.events import WITHDRAWAL_STEPS, WithdrawalStep
from schemas.identifiers import MAX_BIGINT
from schemas.settings import Settings

NOTHING: Final = -1
"""Instead of an offset: the topic tells of no command."""

PATIENCE_SECONDS: Final = 20.0
"""How long a new leader may take to be known; the group awaits us three times as long."""

_PASSING: Final = PASSING | {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}  # noqa: SLF001 - there are no public names

_STEPS: Final = frozenset(name.encode() for name in WITHDRAWAL_STEPS.values())
"""The types of the delayed topic's records."""

log: Final = structlog.get_logger(__name__)


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
        """Take in what the topic tells now. What it tells again takes nothing back."""
        for partition, offset in offsets.items():
            self._offsets[partition] = max(offset, self.of(partition))

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


def _is_passing(error: Exception) -> bool:
    """Whether it is what a broker that goes, or has come, answers for a while."""
    if isinstance(error, KafkaException):
        return error.args[0].code() in _PASSING
    return isinstance(error, TailTimeoutError)


def step_of(record: Message) -> WithdrawalStep | None:
    """The step that a record of the delayed topic tells; None of one that is none."""
    told = dict(headers_of(record) or ()).get("ce_type")
    if told not in _STEPS:
        return None
    try:
        step = events.decode_step(record.value() or b"")
        return step if WITHDRAWAL_STEPS.get(step.withdrawal.status, "").encode() == told else None
    except msgspec.DecodeError as error:
        log.warning("a record of the delayed topic cannot be read", why=str(error))
        return None


def told_by(step: WithdrawalStep, partition: int | None, commands: str) -> int:
    """The offset of the command in topic `commands` that a step on a partition comes from.

    NOTHING where the ledger cannot have written it there.
    """
    command = step.command
    is_its = (command.topic, command.partition) == (commands, partition)
    return command.offset if is_its and 0 <= command.offset <= MAX_BIGINT else NOTHING


@stamina.retry(on=_is_passing, attempts=None, timeout=PATIENCE_SECONDS, wait_max=1.0)
def told_so_far(settings: Settings, group: str, partitions: Iterable[int]) -> dict[int, int]:
    """The newest command that the topic tells of, by partition.

    Raises KafkaException, TailTimeoutError: of what passes by itself, after PATIENCE_SECONDS.
    """
    topic, commands = settings.topics.scheduled.name, settings.topics.commands.name

    def offset_of(record: Message) -> int:
        step = step_of(record)
        return NOTHING if step is None else told_by(step, record.partition(), commands)

    found = {}
    with Tails(settings, group=group) as tails:
        for partition in partitions:
            tails.get_ready(partition, [topic], topic)
            ends = {topic: tails.bounds(topic, partition)}
            last = tails.newest(partition, ends, lambda each: offset_of(each) != NOTHING)
            found[partition] = offset_of(last[topic]) if last else NOTHING
    return found
