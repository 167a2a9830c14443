"""The process: hears the delayed topic, keeps the near end of the schedule, wakes when one is due.

One thread. Whatever it does takes some milliseconds, but for a database that does not answer; and
it holds nothing that is not in the ledger's tables, so it may be killed at any point.
"""

import gc
import time
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg2
import structlog
from confluent_kafka import KafkaException, Message

from consumers import measures, process
from consumers.delayed.clocks import DatabaseClock
from consumers.delayed.faults import reached
from consumers.delayed.firing import VOLLEY, Firing, key_of
from consumers.delayed.outbox import Outbox, UndeliverableError
from consumers.delayed.rows import Rows
from consumers.delayed.timer import Timer
from consumers.delayed.window import Due
from consumers.owned import Owned
from producers.failure import one_line
from producers.headers import headers_of
from schemas.events import WITHDRAWAL_STEPS, WithdrawalStep, decode_step
from schemas.identifiers import is_uuid
from schemas.settings import Settings

GROUP: Final = "delayed"

LOOK_SECONDS: Final = 1.0
"""Between two looks at the clocks and at what is in doubt: an advance is noticed within that."""

RESCAN_SECONDS: Final = 30.0
"""So often everything near is read again, for what may have slipped through."""

MOST_SECONDS: Final = 0.25
"""The longest nap: signals and deliveries are looked at in between."""

LEAST_SECONDS: Final = 0.005
"""Between two times of sending: what becomes due within it goes together."""

PAUSE_SECONDS: Final = 0.5
"""Between two tries of a database that does not answer."""

PATIENCE_SECONDS: Final = 60.0
"""How long the database may not answer before this process gives up, for a new one to try."""

JUMP_US: Final = 2_000
"""A clock that is right is corrected by some microseconds a second."""

GC_THRESHOLD: Final = 50_000
"""Objects made before the collector looks: what waits here is many objects and no cycles."""

_PASSED_BY: Final = frozenset(
    WITHDRAWAL_STEPS[status].encode() for status in ("paid", "needs_review")
)
"""Steps of withdrawals that have been executed long ago."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

log: Final = structlog.get_logger(__name__)


class UnreachableError(Exception):
    """The database did not answer for too long."""


class Delayed:
    """One delayed consumer. Turn it until it is to end; what it raises must end the process.

    `patience` is how many seconds the database may not answer, `rescan` how many pass between two
    looks at everything near.
    """

    def __init__(
        self,
        settings: Settings,
        slot: str | None,
        *,
        patience: float = PATIENCE_SECONDS,
        rescan: float = RESCAN_SECONDS,
    ) -> None:
        self._patience = patience
        self._rescan = rescan
        self._timer = Timer()
        self._clock = DatabaseClock()
        self._rows = Rows(settings)
        self._outbox = Outbox(settings)
        self._firing = Firing(self._timer, self._clock, self._outbox)
        topic = settings.topics.scheduled
        timer = self._timer
        self._owned = Owned(settings, topic, GROUP, timer.gain, timer.lose, slot=slot)
        self._look_at = self._ask_at = 0.0
        self._rescan_at = self._well_at = time.monotonic()
        self._is_ill = False
        self._fire_at = 0.0

    @property
    def is_settled(self) -> bool:
        """Whether there are partitions that are ours, and all that is near of them is here."""
        here = self._clock.is_known and not self._wanted(time.monotonic())
        return here and bool(self._owned.partitions)

    def turn(self) -> None:
        """Hear, read, and fire what is due; sleeps until there is something to do."""
        for record in self._owned.poll(self._nap()):
            self._hear(record)
        self._outbox.serve()
        self._tend()
        self._fire()

    def close(self) -> None:
        """Send what is queued and leave the group."""
        self._outbox.close()
        self._owned.close()
        self._rows.close()

    def _nap(self) -> float:
        """How long nothing will be to be done, if nothing is heard."""
        now = time.monotonic()
        if not self._is_ill and self._clock.is_known and self._wanted(now):
            return 0.0
        to_next = self._firing.seconds_to_next(now)
        naps = [MOST_SECONDS, max(self._look_at, self._ask_at) - now]
        if to_next is not None:
            naps.append(max(to_next, self._fire_at - now))
        return max(min(naps), 0.0)

    def _wanted(self, now: float) -> bool:
        return self._timer.wanted(self._clock.now_us(now)) is not None

    def _fire(self) -> None:
        """Send what is due, unless some were sent just now."""
        now = time.monotonic()
        if not self._clock.is_known or now < self._fire_at:
            return
        count = self._firing.fire()
        measures.fired().inc(count)
        if self._firing.is_stuffed or count < VOLLEY // 2:
            self._fire_at = now + LEAST_SECONDS

    def _hear(self, record: Message) -> None:
        kind = dict(headers_of(record) or ()).get("ce_type")
        if kind in _PASSED_BY:
            return
        partition = record.partition() or 0
        try:
            step = decode_step(record.value() or b"")
            due = _due(step)
        except ValueError as wrong:  # msgspec's is one
            # The database has it too, and everything near is read again now and then.
            log.warning("no step of a withdrawal", partition=partition, why=str(wrong))
            return
        if step.withdrawal.status == "scheduled":
            self._timer.scheduled(partition, due)
        else:
            self._timer.gone(partition, due.withdrawal_id)

    def _tend(self) -> None:
        """Ask the database what there is to be asked, unless it was out of order just now."""
        now = time.monotonic()
        if now < self._ask_at:
            return
        try:
            has_looked = now >= self._look_at
            if has_looked:
                self._look(now)
            if self._read_page(now) or has_looked:
                self._get_well(now)
        except psycopg2.Error as error:
            self._fall_ill(now, error)

    def _look(self, now: float) -> None:
        asked_at = time.monotonic()
        look = self._rows.look()
        self._correct(self._clock.looked(look.now_us, look.ahead_us, asked_at, time.monotonic()))
        self._settle_doubts()
        if now - self._rescan_at >= self._rescan:
            self._rescan_at = now
            self._timer.rescan()
        self._look_at = now + LOOK_SECONDS

    def _correct(self, jump_us: int) -> None:
        """See to what was measured with a clock that was wrong."""
        if abs(jump_us) > JUMP_US:
            log.info("the database's clock has jumped", seconds=round(jump_us / 1e6, 3))
            self._firing.behind.forget()

    def _settle_doubts(self) -> None:
        doubtful = self._firing.doubtful()
        if not doubtful:
            return
        reached("before-doubts")
        asked = [(fired.due.withdrawal_id, key_of(fired)) for fired in doubtful]
        self._firing.look_up(self._rows.states(asked), doubtful)

    def _read_page(self, now: float) -> bool:
        """Read what is missed most, if anything is."""
        page = self._timer.wanted(self._clock.now_us(now))
        if page is None:
            return False
        reached("before-page")
        self._timer.read(page, self._rows.page(page))
        reached("after-page")
        return True

    def _fall_ill(self, now: float, error: psycopg2.Error) -> None:
        why = one_line(error)
        if not self._is_ill:
            log.warning("PostgreSQL does not answer, trying again", why=why)
        self._is_ill = True
        self._ask_at = now + PAUSE_SECONDS
        if now - self._well_at > self._patience:
            raise UnreachableError(
                f"PostgreSQL did not answer for {self._patience:g} s: {why};"
                " is it up, and is WALLET_DATABASE_URL right?"
            )

    def _get_well(self, now: float) -> None:
        if self._is_ill:
            log.info("PostgreSQL answers again")
        self._is_ill = False
        self._well_at = now


def _due(step: WithdrawalStep) -> Due:
    """When a withdrawal is due. Raises ValueError for what the ledger would not have written."""
    told = step.withdrawal
    if not is_uuid(told.id):
        raise ValueError(f"no withdrawal has the id {told.id!r}")
    due_at = datetime.fromisoformat(told.due_at)
    if due_at.tzinfo is None:
        raise ValueError(f"no time zone in {told.due_at!r}")
    return Due((due_at - _EPOCH) // _MICROSECOND, told.id, step.wallet_id)


def main(settings: Settings, slot: str) -> int:
    """Fire withdrawals until SIGTERM or SIGINT; the exit code."""
    gc.set_threshold(GC_THRESHOLD)
    troubles = (UnreachableError, UndeliverableError, KafkaException)
    return process.run("delayed consumer", lambda _: Delayed(settings, slot), troubles, slot=slot)
