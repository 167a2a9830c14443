"""Lanes: one thread for each partition held, strictly serial within, side by side between.

The agent only moves runs of records into lanes. A lane takes everything that has come since its
last batch, up to the limit: small batches when idle, large under backlog (DESIGN.md 3). While
little waits, the lanes of a worker take turns (streams.turns).
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import structlog
from confluent_kafka import KafkaException

from schemas.settings import Settings
from streams import measures, rendering
from streams.asked import Asked
from streams.backlog import Backlog
from streams.claim import Claim
from streams.deciding import Decided
from streams.journal import FencedError, Held, Journal, UnseenError, Written
from streams.outside import OUTSIDE, Outside
from streams.rows import Record
from streams.turns import CROWD, Turns, patience

log: Final = structlog.get_logger(__name__)


class Lane(threading.Thread):
    """One claimed partition: its queue, its journal, its publisher.

    An error ends the process: it must reach nobody who would go on (FAULTS.md F1).
    """

    def __init__(
        self,
        settings: Settings,
        held: Claim,
        tell: Callable[[set[int]], None],
        outside: Outside = OUTSIDE,
        turns: Turns | None = None,
    ) -> None:
        super().__init__(name=f"lane-{held.place.partition}", daemon=True)
        self.place = held.place
        self.epoch = held.epoch
        self.next_offset = held.next_offset
        self.expected = held.next_offset
        """The offset that the next run offered must begin with."""
        self._next_event = held.next_event
        self._publisher = held.publisher
        self._journal = Journal(settings, held.place, outside.connect)
        self._settings = settings
        self._crash = outside.crash
        self._tell = tell
        self._turns = turns or Turns()
        self.took = 0.0
        """Seconds that the last batch took."""
        self._backlog = Backlog()
        self._condition = threading.Condition()
        self._arrivals = True  # events may have waited here since before the claim
        self._catching_up = True
        """Events wait here, maybe very many: a batch with commands takes all of its wallets'."""
        self._busy = False
        self._open = True
        self._ending = False
        self._leaving = False
        measures.claimed()

    @property
    def queued(self) -> int:
        """Records that wait in this lane."""
        return self._backlog.count

    @property
    def queued_bytes(self) -> int:
        """What they weigh (streams.backlog)."""
        return self._backlog.bytes

    @property
    def idle(self) -> bool:
        """Whether no batch is running."""
        return not self._busy

    def offer(self, run: Sequence[Record]) -> int | None:
        """Queue a run of records with rising offsets.

        Returns None, or the offset to seek to: where the run does not follow on the last one, or
        leaves something out itself. What comes before that is taken. A lane that is parked takes
        nothing: what it would follow on is forgotten, and all of it will be fetched again.
        """
        with self._condition:
            if not self._open or not run or run[-1].offset < self.expected:
                return None
            known = run[0].offset < self.expected
            fresh = [r for r in run if r.offset >= self.expected] if known else run
            if fresh[0].offset != self.expected:
                return self.expected
            whole = fresh[-1].offset - self.expected == len(fresh) - 1
            if not whole:
                fresh = [r for n, r in enumerate(fresh, self.expected) if r.offset == n]
            self.expected = fresh[-1].offset + 1
            self._backlog.add(fresh)
            self._condition.notify()
            return None if whole else self.expected

    def wake(self) -> None:
        """Look for events of transfers that other partitions committed."""
        with self._condition:
            self._arrivals = True
            self._condition.notify()

    def park(self) -> None:
        """Start nothing new and forget what is queued; the running batch goes on to its end."""
        with self._condition:
            self._open = False
            self._backlog.clear()

    def resume(self) -> None:
        """Go on after a change of the assignment in which the partition stayed ours."""
        with self._condition:
            assert not self._busy, "a lane resumes at rest"
            self.expected = self.next_offset
            self._open = True
            self._arrivals = True
            self._condition.notify()

    def let_go(self) -> None:
        """Work on until another worker claims the partition: that is no alarm any more."""
        self._leaving = True

    def end(self) -> None:
        """Park for good: the thread ends with its running batch."""
        self.park()
        with self._condition:
            self._ending = True
            self._condition.notify()

    def run(self) -> None:
        """Work until the lane is ended; any error ends the process, unless we are leaving."""
        try:
            while self._await_work():
                try:
                    with self._turn():
                        self._batch()
                finally:
                    self._busy = False
        except FencedError as error:
            if self._open and not self._leaving:
                self._crash("fenced: another worker holds the partition", error)
            log.info("fenced after the partition was given up", partition=self.place.partition)
        except BaseException as error:  # noqa: BLE001 - nobody may go on after it, whatever it is
            if not self._leaving:
                self._crash("a batch failed", error)
            # Shut out in the middle of it, as a rule: who claims the partition says the rest.
            log.info("left in the middle", partition=self.place.partition, why=str(error))
        finally:
            self._journal.close()

    def _turn(self) -> AbstractContextManager[None]:
        if self._backlog.count >= CROWD:
            return nullcontext()
        return self._turns.turn(patience(self.took))

    def _await_work(self) -> bool:
        publisher = self._publisher
        while not self._is_work_within(None if publisher.seen else publisher.patience):
            self._look()
        return self._busy

    def _is_work_within(self, seconds: float | None) -> bool:
        """Wait until there is something to do, or to end; `_busy` tells which. False after that."""
        with self._condition:
            if not self._condition.wait_for(
                lambda: self._ending or (self._open and (self._backlog or self._arrivals)), seconds
            ):
                return False
            self._busy = not self._ending
            return True

    def _look(self) -> None:
        """At rest: do readers see what was said? A broker that does not answer may be asked later.

        Raises HangingError when they do not for long: the next claim mends it.
        """
        try:
            self._publisher.look()
        except KafkaException as error:
            log.warning("cannot see the log", partition=self.place.partition, error=str(error))

    def _batch(self) -> None:
        """Steps 6 and 7: one database transaction, then one Kafka transaction."""
        records, began = self._take(), time.monotonic()
        assert self._follow_on(records), "a batch begins at the next offset and has no gap"
        asked = Asked.of(records)
        held = Held(self.epoch, self.next_offset, self.next_offset + len(asked.items))
        written = self._write(held, asked)
        most = self._settings.arrivals_max
        self._catching_up = written is not None and len(written.arrived) >= most
        if written is None:
            return
        decided = written.decided
        arrived = [rendering.arrived_message(text) for text in written.arrived]
        if self._catching_up:
            self.wake()
        events = rendering.numbered(arrived + decided.events, self._next_event)
        if events or decided.results or decided.dead:
            self._publisher.publish(decided.results, events, decided.steps, decided.dead)
        self._next_event += len(events)
        self.next_offset = held.end
        self.took = time.monotonic() - began
        measures.batch(len(asked.items), decided, len(events), self.took)
        self._tell_others(decided)

    def _write(self, held: Held, asked: Asked) -> Written | None:
        """Step 6, once readers see what the last batch has said (decision 14)."""
        publisher = self._publisher
        publisher.ask()  # answered while the database works
        try:
            return self._journal.write(held, asked, publisher.glance)
        except UnseenError:
            publisher.await_seen()  # out of the transaction, which holds wallets
            return self._journal.write(held, asked, publisher.glance)

    def _follow_on(self, records: Sequence[Record]) -> bool:
        first = self.next_offset
        return not records or (records[0].offset, records[-1].offset) == (
            first,
            first + len(records) - 1,
        )

    def _take(self) -> list[Record]:
        """What has come since the last batch, at most batch_max records; none while catching up."""
        with self._condition:
            self._arrivals = False
            return self._backlog.take(0 if self._catching_up else self._settings.batch_max)

    def _tell_others(self, decided: Decided) -> None:
        if decided.arrivals:
            self._tell({arrival.partition for arrival in decided.arrivals})
