"""The bank caller: one loop that calls the bank, at most `bank_calls_max` calls at a time.

For each call: claim it in bank_calls, make it, write its outcome down, and where that is an end,
tell the ledger. Whatever is not written down was not learnt: a caller that dies is succeeded by one
that reads bank_calls, and repeats at most what may be repeated.
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from random import Random
from typing import Any, Final

import structlog

from consumers import measures
from consumers.bank.breaker import Breaker, Permit
from consumers.bank.client import BankClient
from consumers.bank.outcomes import Kind, Outcome, unconnected
from consumers.bank.policy import (
    TERMINAL,
    Do,
    Standing,
    State,
    asked,
    begun,
    give_up,
    learn,
    next_step,
    rules_of,
)
from consumers.withdrawals import faults
from consumers.withdrawals.calls import Calls, Claim
from consumers.withdrawals.cases import Case
from consumers.withdrawals.desk import SETTLE_SECONDS, Desk
from consumers.withdrawals.ends import compare, end_of, refusals_of
from consumers.withdrawals.fitting import Told
from consumers.withdrawals.following import Follower, Heard, Listening
from consumers.withdrawals.rows import Rows
from consumers.withdrawals.sweeping import Sweeps
from consumers.withdrawals.telling import Teller, UntoldError
from schemas.settings import Settings

REREAD: Final = 500
"""Most withdrawals read again at once."""

DRAIN_SECONDS: Final = 10.0
"""How much longer than the longest call the calls in flight are awaited at the end."""

LOOK_SECONDS: Final = 10.0
"""Between two looks whether Kafka is there: to an idle caller nothing else would tell."""

KAFKA_SECONDS: Final = 60.0
"""How long it may be away before this process ends, for a new one to try."""

log: Final = structlog.get_logger(__name__)


class Caller:
    """All parts of a bank caller. For one run, in one loop."""

    def __init__(self, settings: Settings, slot: str | None = None) -> None:
        self._settings = settings
        self._slot = slot
        self._rules = rules_of(settings)
        self._breaker = Breaker.of(settings, time.monotonic)
        self._desk = Desk(self._rules, settings.bank_timeout, Random())  # noqa: S311 - pauses
        self._sweeps = Sweeps(time.monotonic())
        self._told = Told()
        self._jobs: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._page_wanted = asyncio.Event()
        self._ended = asyncio.Event()
        self._trouble: BaseException | None = None

    @property
    def in_care(self) -> int:
        """Withdrawals in transit that this caller sees to."""
        return len(self._desk.held)

    @property
    def in_flight(self) -> int:
        """Calls of the bank, and what follows on them, that are under way."""
        return len(self._jobs)

    @property
    def is_waiting(self) -> bool:
        """Whether calls wait because the bank does not answer."""
        return self._breaker.is_open

    async def run(self, stopped: asyncio.Event) -> None:
        """Call until `stopped` is set; calls in flight are then finished.

        Raises what made it impossible to go on, with the calls in flight finished as well.
        """
        async with AsyncExitStack() as stack:
            self._bank = await stack.enter_async_context(BankClient(self._settings))
            self._calls = Calls(self._settings, self._fail)
            stack.push_async_callback(self._calls.close)
            self._teller = Teller(self._settings)
            stack.push_async_callback(self._teller.close)
            stack.push_async_callback(self._drain)
            rows = Rows(self._settings)
            stack.callback(rows.close)
            listening = Listening(self._gained, self._lost, self._heard, self._fail)
            follower = Follower(self._settings, self._slot, listening)
            stack.push_async_callback(follower.close)
            works = [
                asyncio.create_task(self._dispatch()),
                asyncio.create_task(self._page(rows)),
                asyncio.create_task(self._watch()),
            ]
            for work in works:
                work.add_done_callback(self._job_done)
            stack.push_async_callback(_cancel, works)
            await _first(stopped, self._ended)
        if self._trouble is not None:
            raise self._trouble

    # What the topic tells

    def _gained(self, told: dict[int, int]) -> None:
        self._told.learn(told)
        self._desk.gain(told)
        for partition in told:
            self._sweeps.begin(partition)
        self._page_wanted.set()

    def _lost(self, partitions: list[int]) -> None:
        self._desk.lose(partitions)
        for partition in partitions:
            self._sweeps.end(partition)

    def _heard(self, heard: Heard) -> None:
        now = time.monotonic()
        self._told.learn(heard.told)
        for case in heard.begun:
            if self._desk.room > 0:
                self._desk.take(case, now)
            elif case.partition in self._desk.partitions:
                self._sweeps.begin(case.partition)
        for key, status in heard.ended.items():
            if key in self._desk.held:
                compare(self._desk.held[key], status)
            self._desk.done(key)
        self._moved.set()
        self._page_wanted.set()  # there may be room now

    # What PostgreSQL tells

    async def _page(self, rows: Rows) -> None:
        """Bring into care what is not, and read again what others have changed."""
        while True:
            self._page_wanted.clear()
            soon = self._sweeps.tick(time.monotonic(), self._desk.partitions)
            if keys := self._desk.wanted(REREAD):
                await asyncio.to_thread(self._told.refuse_behind, rows)
                await self._reread(rows, keys)
            elif wanted := self._sweeps.wanted(self._desk.room):
                await asyncio.to_thread(self._told.refuse_behind, rows)
                page = await asyncio.to_thread(rows.page, *wanted)
                self._sweeps.read(*wanted, page)
                for case in page.cases:
                    self._desk.take(case, time.monotonic())
                self._moved.set()
            else:
                await _within(self._page_wanted, soon)

    async def _reread(self, rows: Rows, keys: list[str]) -> None:
        found = await asyncio.to_thread(rows.these, keys)
        gone = [key for key in keys if key not in found]
        for key, status in (await asyncio.to_thread(rows.statuses, gone)).items():
            if key in self._desk.held:
                compare(self._desk.held[key], status)
        now = time.monotonic()
        going_on = [self._desk.reread(key, found.get(key), now) for key in keys]
        self._moved.set()
        for case in going_on:
            if case is not None and case.paused_until > now:
                log.warning("a call could not be begun, trying again", withdrawal=case.key)
        untold = [case for case in going_on if case is not None and case.tells]
        if untold:
            refusals = await asyncio.to_thread(refusals_of, rows, untold)
            for case in untold:
                log.error(
                    "the ledger has not ended a withdrawal that was decided, telling it again",
                    withdrawal=case.key,
                    told=case.tells,
                    refused=refusals.get(case.key, "no, there is no result yet"),
                )

    # What is done

    async def _dispatch(self) -> None:
        """Start what can be started, and wait until more can be."""
        while True:
            self._moved.clear()
            self._desk.tick(time.monotonic(), is_away=self._breaker.is_open)
            while self._has_slot and (case := self._desk.next_end()):
                self._start(self._end(case))
            while self._has_slot and (permit := self._permit()):
                case = self._desk.next_call(untried=permit is Permit.PROBE)
                if case is None:
                    self._breaker.end(permit, answered=None)
                    break
                self._start(self._call(case, permit))
            if self._desk.has_doubts:
                self._page_wanted.set()
            await _within(self._moved, self._pause())

    @property
    def _has_slot(self) -> bool:
        return len(self._jobs) < self._settings.bank_calls_max

    def _permit(self) -> Permit | None:
        return self._breaker.ask() if self._desk.waits_for_calls else None

    def _pause(self) -> float | None:
        """Seconds until something is to be done that nobody will tell of."""
        waits_for_permit = self._has_slot and self._desk.waits_for_calls
        permit_in = self._breaker.wait() if waits_for_permit else None
        timer_at = self._desk.next_at
        timer_in = None if timer_at is None else max(timer_at - time.monotonic(), 0.0)
        return min((s for s in (permit_in, timer_in) if s is not None), default=None)

    async def _call(self, case: Case, permit: Permit) -> None:
        """Call the bank, or ask it, and go on from what it says."""
        answered = None
        try:
            outcome = await self._outcome(case)
            answered = None if outcome is None else not outcome.down
        finally:
            if self._breaker.end(permit, answered=answered):
                self._tell_breaker(outcome)
        measures.called("overtaken" if outcome is None else outcome.kind.name.lower())
        if outcome is None:
            self._desk.doubt(case)
            return
        # Whether it is open for too long, the desk says: this may be the first call after a pause.
        await self._go_on(case, learn(case.standing, outcome, self._rules))

    async def _outcome(self, case: Case) -> Outcome | None:
        """Ask what became of the calls so far, or make the next; None where another caller did."""
        if next_step(case.standing, self._rules, 0).do is Do.ASK:
            outcome = await self._bank.status(case.key)
            case.standing = asked(case.standing)
            if outcome.kind is not Kind.UNSEEN:
                return outcome
        asked_at = time.monotonic()
        told = self._told.of(case.partition)
        order = await self._calls.claim(Claim(case.key, case.standing, case.partition, told))
        if order is None:
            return None
        case.order = order
        if not case.standing.doubt:
            case.opened_at = asked_at
        case.standing = begun(case.standing)
        faults.reached("before-bank-call")
        if time.monotonic() - asked_at > SETTLE_SECONDS:
            # Frozen meanwhile: another may think by now that this call was made and is over.
            return unconnected("the call was not begun in time")
        outcome = await self._bank.pay(case.order)
        faults.reached("after-bank-call")
        return outcome

    async def _end(self, case: Case) -> None:
        """Give up what is unknown for too long, or tell the ledger an end once more."""
        known = case.standing
        if known.state not in TERMINAL:
            known = give_up(known, time.monotonic() - case.opened_at)
            await self._go_on(case, known)
        else:
            await self._tell(case)

    async def _go_on(self, case: Case, known: Standing) -> None:
        """Write down what is known now; tell the ledger if that is an end."""
        status = await self._calls.record(case.key, case.standing, known)
        if status is None:
            if known.state is State.PAID:
                log.error("the bank has paid, but another caller went on", withdrawal=case.key)
            self._desk.doubt(case)
            return
        case.standing, case.written_at = known, time.monotonic()
        compare(case, status)
        if known.state in TERMINAL:
            await self._tell(case)
        else:
            self._desk.put(case, case.written_at)

    async def _tell(self, case: Case) -> None:
        message = end_of(case)
        faults.reached("before-bank-command")
        await self._teller.tell(message)
        faults.reached("after-bank-command")
        self._desk.told(case, time.monotonic())

    def _tell_breaker(self, outcome: Outcome | None) -> None:
        if self._breaker.is_open:
            why = outcome.reason if outcome else ""
            log.warning("the bank does not answer, calls wait for it", why=why)
        else:
            log.info("the bank answers again")

    # Jobs, and how it all ends

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._job_done)

    def _job_done(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        self._moved.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._trouble is None:
            self._trouble = error
        self._ended.set()

    async def _watch(self) -> None:
        """Raise UntoldError when Kafka stays away."""
        heard_at = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)  # that time passes is all that is waited for
            if await self._teller.reaches():
                heard_at = time.monotonic()
                continue
            away = time.monotonic() - heard_at
            log.warning("Kafka does not answer", seconds=round(away))
            if away > KAFKA_SECONDS:
                raise UntoldError(f"Kafka did not answer for {away:.0f} s")

    async def _drain(self) -> None:
        """Finish the calls in flight: what they come to is to be written down."""
        if self._jobs:
            limit = self._settings.bank_timeout + DRAIN_SECONDS
            _, left = await asyncio.wait(self._jobs, timeout=limit)
            await _cancel(list(left))


async def _first(*events: asyncio.Event) -> None:
    """Return when one of these is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await _cancel(waits)


async def _within(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, for so many seconds at most."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


async def _cancel(tasks: "list[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
