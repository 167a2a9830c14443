"""A run from the empty folder to the verdict: start, load, strikes by the plan, rest, audit."""

import gc
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import psycopg2
from confluent_kafka import KafkaException
from rich.console import Console

from consumers.audit.audit import audit
from consumers.audit.log import LogError
from consumers.audit.payments import BankLedger, PaymentsError
from consumers.audit.sources import Sources
from consumers.failure import RecordsError
from producers.failure import one_line
from wallet.local.folder import DataFolder
from wallet.local.lag import LagUnknownError
from wallet.local.processors import usual_workers
from wallet.torture import followers, limits, plan, reading
from wallet.torture.copy import Copy, ground_at, together
from wallet.torture.draw import Drawer, Shares
from wallet.torture.faults import Fault, FaultError, LateError, Needs
from wallet.torture.kinds import IN_THE_LOAD, KINDS
from wallet.torture.limits import Judged, Recovery, Sort
from wallet.torture.load import Load
from wallet.torture.machine import Machine
from wallet.torture.stage import RunningStage
from wallet.torture.verdict import Verdict
from wallet.torture.watch import Watch

WALLETS: Final = 40
"""Few, so that commands of several partitions meet on them all the time."""
CALM_SECONDS: Final = 2.0
"""Load before the first strike."""
PROGRESS_SECONDS: Final = 120.0
HELD_SECONDS: Final = 120.0
"""Far more than any limit: what takes longer will never come."""
LATE_SECONDS: Final = 30.0
"""Of the machine's use, where something has not come in time."""
SETTLE_SECONDS: Final = 0.5
"""After everything is held again: what still stalls then belongs to the strike as well."""
DRAIN_SECONDS: Final = 300.0
AUDIT_SECONDS: Final = 120.0
FOLLOW_SECONDS: Final = 60.0
"""For what follows the ledger to come to its end; after the last kill a group waits its session."""
GARBAGE_EVERY: Final = 200_000
"""As in `wallet verify`."""

AUDIT_ERRORS: Final = (LogError, RecordsError, PaymentsError, KafkaException, psycopg2.Error)


class Wanted(NamedTuple):
    """What was asked for."""

    seed: int
    minutes: float
    faults: tuple[str, ...]
    per_second: float
    again: str
    keep: bool = False
    workers: int = usual_workers()


@dataclass(slots=True)
class Progress:
    """What a live picture shows of a run; written by the run, read by anybody."""

    phase: str = "starting"
    strike: str = ""
    strikes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    """One for each strike that is over."""

    hear: Callable[[str], None] | None = None
    """Called with each of these."""

    def tell(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)
        if self.hear:
            self.hear(line)


def known_faults() -> tuple[str, ...]:
    """The names for --faults, in the order of the kinds."""
    return tuple(dict.fromkeys([*(kind.name for kind in _made()), *IN_THE_LOAD]))


def _made() -> list[Fault]:
    return [make() for make in KINDS]


class Run:
    """One run; `stop()` from a signal handler ends it early, and it is judged all the same."""

    def __init__(self, wanted: Wanted, console: Console) -> None:
        self.wanted: Final = wanted
        self.progress: Final = Progress()
        self._console = console
        self._ending = threading.Event()
        self._kinds = [kind for kind in _made() if kind.name in wanted.faults]
        self._began = time.monotonic()
        self._recoveries: list[tuple[Recovery, Judged]] = []
        self._verdict = Verdict(seed=wanted.seed, faults=wanted.faults, again=wanted.again)
        self.load: Load | None = None
        self.watch: Watch | None = None

    def stop(self) -> None:
        """Strike no more, and come to the verdict."""
        self._ending.set()

    @property
    def seconds(self) -> float:
        """Since the load began."""
        return time.monotonic() - self._began

    def play(self) -> Verdict:
        """All of it. Raises Failure when the copy cannot be started."""
        with ExitStack() as ends:
            folder = ends.enter_context(_folder(self._verdict, keep=self.wanted.keep))
            self._ground = ground = ground_at(folder)
            for kind in self._kinds:
                ends.callback(kind.close)
            needs = together([Needs(), *(kind.prepare(ground) for kind in self._kinds)])
            copy = Copy(ground, needs, self._console)
            ends.callback(copy.stop)
            copy.start(self.wanted.workers)
            machine = Machine()
            machine.start()
            ends.callback(machine.end)
            self._torture(copy, machine, withdrawals=needs.withdrawals)
            self._audit(copy)
        return self._verdict

    def _torture(self, copy: Copy, machine: Machine, *, withdrawals: bool) -> None:
        wanted, settings = self.wanted, copy.settings
        shares = Shares("poison" in wanted.faults, "duplicates" in wanted.faults, withdrawals)
        drawer = Drawer(wanted.seed, WALLETS, settings.partitions, shares)
        self.load = load = Load(settings, drawer, wanted.per_second)
        self.watch = watch = Watch(settings)
        stage = RunningStage(self._ground, copy, load, watch, self._ending)
        watch.start()
        load.open()
        load.start()
        self._began = began = time.monotonic()
        self.progress.phase = "torture"
        try:
            self._strike_all(stage, began + wanted.minutes * 60, machine)
            self.progress.phase = "draining"
            self._drain(copy, load)
        except TimeoutError as error:
            self._verdict.wrong.append(str(error))
        finally:
            with suppress(TimeoutError):
                load.end()
            watch.end()
        self._tell(load, watch, machine, began)

    def _strike_all(self, stage: RunningStage, until: float, machine: Machine) -> None:
        """By the plan, until the time is over."""
        stage.pause(CALM_SECONDS)
        for turn in plan.strikes(self.wanted.seed, self._kinds):
            stage.pause(min(turn.pause, max(0.0, until - time.monotonic())))
            if self._ending.is_set() or time.monotonic() >= until:
                return
            try:
                self._strike(stage, self._kinds[turn.kind], turn.dice, machine)
            except (FaultError, psycopg2.Error) as error:
                if not self._is_excused(error, machine):
                    return
        stage.pause(until - time.monotonic())  # where there is nothing but the load

    def _strike(self, stage: RunningStage, kind: Fault, dice: Random, machine: Machine) -> None:
        """One strike, and its recovery until all workers hold partitions again."""
        progress, every = self.progress, frozenset(range(stage.settings.partitions))
        progress.strike, began = kind.name, time.monotonic()
        struck = kind.strike(stage, dice)
        stage.await_held(HELD_SECONDS)
        stage.await_progress(PROGRESS_SECONDS)
        stage.pause(SETTLE_SECONDS)
        sort = f"{kind.name} {struck.sort}".strip()
        hit = every if struck.hit is None else struck.hit
        settled = time.monotonic()
        recovery = Recovery(sort, began, struck.back_at, settled, hit, len(every))
        gaps = stage.gaps(began, settled)
        judged = limits.judge(recovery, gaps, lambda a, b: machine.mean(a, b).others)
        self._recoveries.append((recovery, judged))
        progress.strikes += 1
        progress.counts.update(struck.counts)
        progress.strike = ""
        progress.tell(_line(self.seconds, struck.what, judged))

    def _is_excused(self, error: Exception, machine: Machine) -> bool:
        """Tell of a strike that did not come to its end; whether to go on with the others.

        On a machine that others have, waits may be too short. Whether all went on in the end is
        seen when it is drained.
        """
        kind, now = self.progress.strike, time.monotonic()
        others = machine.mean(now - LATE_SECONDS, now).others
        text = f"{kind}: {one_line(error)}"
        self.progress.tell(f"{self.seconds:6.1f} s  {text}")
        if isinstance(error, LateError) and others > limits.OTHERS_MAX:
            self._verdict.excused.append(f"{text}; others had {others:.0%} of the machine")
            return True
        self._verdict.wrong.append(text)
        return False

    def _drain(self, copy: Copy, load: Load) -> None:
        """No strike any more: everything that was sent is done, withdrawals too."""
        since = time.monotonic()
        load.end()
        deadline = since + DRAIN_SECONDS
        while not self._is_drained(copy):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not drained within {DRAIN_SECONDS:g} s")
            time.sleep(0.1)  # no event crosses from the servers
        self._verdict.drained = round(time.monotonic() - since, 1)

    def _is_drained(self, copy: Copy) -> bool:
        try:
            behind = sum(partition.lag for partition in copy.lag.read())
            return not behind and not reading.open_withdrawals(copy.settings)
        except (LagUnknownError, psycopg2.Error):
            return False

    def _tell(self, load: Load, watch: Watch, machine: Machine, began: float) -> None:
        verdict, now = self._verdict, time.monotonic()
        verdict.seconds = now - began
        verdict.commands = load.sent
        verdict.sent = dict(load.account.shares.most_common())
        verdict.refused_at_the_edge = load.oversize
        verdict.results = watch.results
        verdict.strikes = len(self._recoveries)
        verdict.counts = dict(self.progress.counts)
        mean = machine.mean(began, now)
        verdict.busy, verdict.others = mean.busy, mean.others
        sorts: dict[str, Sort] = {}
        for recovery, judged in self._recoveries:
            sorts.setdefault(recovery.sort, Sort()).add(judged)
            verdict.over += judged.over
            verdict.excused += judged.excused
            longest = max(judged.hit, judged.rest)
            verdict.longest_silence = max(verdict.longest_silence, longest)
        verdict.sorts = sorts

    def _audit(self, copy: Copy) -> None:
        """The sender's own account first, then the auditor's invariants."""
        self.progress.phase = "audit"
        gc.set_threshold(GARBAGE_EVERY)
        verdict, settings = self._verdict, copy.settings
        bank = BankLedger(copy.bank_ledger) if copy.bank_ledger else None
        assert self.load is not None, "it has ended"
        try:
            found = reading.told(settings), reading.letters(settings), reading.balances(settings)
            verdict.tally = self.load.account.judge(*found)
            if copy.receipts is not None:
                verdict.wrong += followers.troubles(settings, copy.receipts, FOLLOW_SECONDS)
            with Sources(settings, bank) as sources:
                verdict.findings = audit(sources, AUDIT_SECONDS, 5, lambda *_: None)
        except AUDIT_ERRORS as error:
            verdict.wrong.append(f"the audit could not be made: {one_line(error)}")


def _line(seconds: float, what: str, judged: Judged) -> str:
    told = [f"silent {judged.hit:.1f} s"] if judged.hit else []
    told += [f"elsewhere {judged.rest:.1f} s"] if judged.rest else []
    told += [f"{judged.back:.1f} s after it was back"] if judged.back else []
    told += [f"OVER {text}" for text in judged.over]
    return f"{seconds:6.1f} s  {what}: {', '.join(told) or 'not felt'}"


@contextmanager
def _folder(verdict: Verdict, *, keep: bool) -> Iterator[DataFolder]:
    """A new folder for the copy; it stays where something is off, or where it was asked for.

    Run by root, PostgreSQL has an account of its own, which must reach it.
    """
    root = Path(tempfile.mkdtemp(prefix="wallet-torture-"))
    try:
        yield DataFolder.at(root / "data")
    finally:
        if keep or not verdict.clean:
            verdict.folder = str(root / "data")
        else:
            shutil.rmtree(root, ignore_errors=True)


@contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends the strikes, the second one everything."""

    def heard(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler)
        stop()

    before = {each: signal.signal(each, heard) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
