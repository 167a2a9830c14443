"""Sends `withdrawal.execute` for what is due, and makes sure that each was heard.

A command's id is "execute:<withdrawal>", and only when the ledger has answered that one and the
withdrawal is scheduled all the same (`withdrawal_not_due`: the broker's clock is behind), there is
a next attempt, "execute:<withdrawal>:2". Whoever repeats an attempt repeats its id, so the ledger
does it once; and it executes only what is scheduled, whatever the ids.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from consumers.delayed.clocks import Behind, DatabaseClock
from consumers.delayed.faults import reached
from consumers.delayed.outbox import Outbox, Report
from consumers.delayed.rows import State
from consumers.delayed.timer import Timer
from consumers.delayed.window import Fired
from producers.withdrawals import DELAYED, command_id, execution
from schemas import results
from schemas.identifiers import command_key
from schemas.refusals import Code

VOLLEY: Final = 500
"""Most commands of one turn, some 20 ms, until records and deliveries are looked at again."""

DOUBT_SECONDS: Final = 2.0
"""How long nothing is heard of a command before the database is asked. A result takes 50 ms."""

DOUBTS: Final = 500
"""Most withdrawals that the database is asked about at once, once a second."""

QUICK_ATTEMPTS: Final = 3
MOST_PAUSE_SECONDS: Final = 60.0
"""What is refused again and again for a reason that nobody thought of must not fill the log."""

log: Final = structlog.get_logger(__name__)


class Firing:
    """Between the timer and the outbox."""

    def __init__(self, timer: Timer, clock: DatabaseClock, outbox: Outbox) -> None:
        self._timer = timer
        self._clock = clock
        self._outbox = outbox
        self.behind = Behind()
        self.is_stuffed = False
        """Whether the outbox had no room when it was last tried."""

    def seconds_to_next(self, at: float) -> float | None:
        """How long until a command may be to be sent; None while there is none."""
        if not self._clock.is_known:
            return None
        next_us, rest = self._timer.next_us(at), self._timer.rests(at)
        if next_us is None:
            return rest
        wait_us = 0 if self.behind.wants_probe(at) else self.behind.us
        # Broker and ledger count milliseconds: one that has begun is not yet over.
        to_next = max((next_us + wait_us - self._clock.now_us(at)) / 1e6, 0.0)
        return to_next if rest is None else min(to_next, rest)

    def fire(self) -> int:
        """Send what is due, a volley at most; how many that were."""
        at = time.monotonic()
        now_us = self._clock.now_us(at) // 1000 * 1000
        self.is_stuffed = False
        probes = self._volley(now_us, at, 1) if self.behind.wants_probe(at) else 0
        return probes + self._volley(now_us - self.behind.us, at, VOLLEY)

    def look_up(self, states: Sequence[State], asked: Sequence[Fired]) -> None:
        """Take in what the database says of withdrawals that were asked about."""
        attempts = {fired.due.withdrawal_id: fired.attempt for fired in asked}
        now = time.monotonic()
        for state in states:
            if not state.is_scheduled:
                self._timer.forget(state.withdrawal_id)
            elif state.result is None:
                self._timer.asked(state.withdrawal_id, now)
            else:
                _tell_refused(state.withdrawal_id, state.result)
                self._retry(state.withdrawal_id, attempts[state.withdrawal_id] + 1, now)

    def _retry(self, withdrawal_id: str, attempt: int, now: float) -> None:
        """Try again at once, or after a pause where that did not help a few times."""
        pause = min(2.0 ** min(attempt - QUICK_ATTEMPTS, 10), MOST_PAUSE_SECONDS)
        later_us = self._clock.now_us(now) + round(pause * 1e6)
        not_before_us = later_us if attempt > QUICK_ATTEMPTS else 0
        self._timer.again(withdrawal_id, attempt, not_before_us)

    def doubtful(self) -> list[Fired]:
        """Those that were sent a while ago, and nothing was heard since."""
        return self._timer.doubtful(time.monotonic() - DOUBT_SECONDS, DOUBTS)

    def _volley(self, until_us: int, at: float, most: int) -> int:
        count = 0
        for fired in self._timer.fire(until_us, at, most):
            reached("before-fire")
            if not self._put(fired):
                self._timer.again(fired.due.withdrawal_id, fired.attempt)
                self.is_stuffed = True
                break
            reached("after-fire")
            count += 1
        return count

    def _put(self, fired: Fired) -> bool:
        due = fired.due
        message = execution(due.wallet_id, due.withdrawal_id, fired.attempt)
        sent_us = self._clock.server_us(time.monotonic())
        return self._outbox.put(message, partial(self._reported, fired, sent_us, self.behind.jumps))

    def _reported(self, fired: Fired, sent_us: int, jumps: int, report: Report) -> None:
        reached("after-delivery")
        if not report.is_taken:
            self._timer.again(fired.due.withdrawal_id, fired.attempt)
        elif report.stamped_us is not None:
            self.behind.measured(sent_us, report.stamped_us, time.monotonic(), jumps)


def key_of(fired: Fired) -> str:
    """The key under which the database has the command of a fired withdrawal."""
    name = command_id("execute", fired.due.withdrawal_id, fired.attempt)
    return command_key(DELAYED, name)


def _tell_refused(withdrawal_id: str, result: str) -> None:
    """Log why a withdrawal is scheduled although its execution was answered."""
    error = results.decode(result).error
    code = error.code if error else None
    tell = log.info if code == Code.WITHDRAWAL_NOT_DUE else log.warning
    tell("refused, trying again under a new id", withdrawal=withdrawal_id, code=code)
