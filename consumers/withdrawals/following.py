"""The ear of the bank caller: what the delayed topic tells of the partitions that are ours.

A thread of its own polls, and hands each batch over to the loop and waits until it is taken. So
at most one batch waits, whatever the topic holds.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import structlog
from confluent_kafka import Message

from consumers.bank.orders import Order
from consumers.bank.policy import Standing
from consumers.owned import Owned
from consumers.withdrawals.cases import Case
from consumers.withdrawals.fitting import NOTHING, step_of, told_by, told_so_far
from schemas import events
from schemas.identifiers import is_uuid
from schemas.settings import Settings

GROUP: Final = "bank"
POLL_SECONDS: Final = 1.0
HAND_OVER_SECONDS: Final = 30.0
"""A loop that takes nothing for so long is stuck."""
LEAVE_SECONDS: Final = 30.0
"""How long the group may take to let us go: usually milliseconds."""

_ENDS: Final = frozenset({"paid", "failed", "needs_review"})

log: Final = structlog.get_logger(__name__)


_Given = TypeVar("_Given")


class Heard(NamedTuple):
    """What a batch of records says: what is executing now, and how ended what is no more, by id.

    `told` has the newest command on each partition that it tells of (fitting.py).
    """

    begun: list[Case]
    ended: dict[str, str]
    told: dict[int, int]


class Listening(NamedTuple):
    """Who is told, in the loop: of partitions gained and lost, of records, of the end of it all.

    With the partitions that were gained comes the newest command that their records tell of.
    """

    gained: Callable[[dict[int, int]], None]
    lost: Callable[[list[int]], None]
    heard: Callable[[Heard], None]
    failed: Callable[[BaseException], None]


class Follower:
    """Follows the delayed topic as a member of the bank callers' group."""

    def __init__(self, settings: Settings, slot: str | None, listening: Listening) -> None:
        self._settings = settings
        self._slot = slot
        self._listening = listening
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delayed topic", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Leave the group. Where librdkafka does not come back, the process ends all the same."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, LEAVE_SECONDS)

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # noqa: BLE001 - told where it can be acted upon
            self._loop.call_soon_threadsafe(self._listening.failed, error)

    def _follow(self) -> None:
        owned = Owned(
            self._settings,
            self._settings.topics.scheduled,
            GROUP,
            self._gained,
            lambda partitions: self._hand_over(self._listening.lost, partitions),
            slot=self._slot,
        )
        try:
            while not self._stopping.is_set():
                records = owned.poll(POLL_SECONDS)
                heard = hear(records, time.monotonic(), self._settings.topics.commands.name)
                if any(heard):
                    self._hand_over(self._listening.heard, heard)
        finally:
            owned.close()

    def _gained(self, partitions: list[int]) -> None:
        told = told_so_far(self._settings, GROUP, partitions)
        self._hand_over(self._listening.gained, told)

    def _hand_over(self, taker: Callable[[_Given], None], given: _Given) -> None:
        """Have the loop take it, and wait until it has."""

        async def take() -> None:
            taker(given)

        asyncio.run_coroutine_threadsafe(take(), self._loop).result(HAND_OVER_SECONDS)


def hear(records: Sequence[Message], now: float, commands: str) -> Heard:
    """What records say of commands in topic `commands`.

    One that cannot be read is passed over: PostgreSQL has the same.
    """
    heard = Heard([], {}, {})
    for record in records:
        step, partition = step_of(record), record.partition() or 0
        if step is None:
            continue
        offset = told_by(step, partition, commands)
        if offset == NOTHING:
            log.warning("a record of the delayed topic is of no worker", id=step.withdrawal.id)
            continue
        heard.told[partition] = max(offset, heard.told.get(partition, NOTHING))
        if not is_uuid(step.withdrawal.id):
            log.warning("a record of the delayed topic names no withdrawal", id=step.withdrawal.id)
        elif step.withdrawal.status == "executing":
            heard.begun.append(_case(step, partition, now))
        elif step.withdrawal.status in _ENDS:
            heard.ended[step.withdrawal.id] = step.withdrawal.status
    return heard


def _case(step: events.WithdrawalStep, partition: int, now: float) -> Case:
    told = step.withdrawal
    order = Order(told.id, step.wallet_id, told.amount, told.currency, told.target)
    return Case(order, partition, Standing(), written_at=now, opened_at=now)
