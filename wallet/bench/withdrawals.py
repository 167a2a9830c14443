"""`wallet bench withdrawals`: how late withdrawals fire, among how many, and what that costs.

On a scratch ledger with processes of its own. The far ones are put into the table by SQL, past the
ledger (wallet/bench/filling.py); those that fire are real: scheduled by commands, executed by the
workers, paid by a pretend bank. A lateness is the time from the due instant to when the result of
the execution could be read by a read_committed reader, or to the call of the bank.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from producers import load
from producers.message import Message, message_of
from schemas.moments import in_milliseconds
from schemas.settings import Settings
from wallet import topics
from wallet.bench.arms import begin
from wallet.bench.counting import Counter
from wallet.bench.filling import fill
from wallet.bench.hearing import Ear
from wallet.bench.processes import WORKER, Watch, process, worker_process
from wallet.bench.scratch import scratch_ledger
from wallet.failure import Failure, Tell
from wallet.local import bank, ports
from wallet.local.consumers import GROUPS
from wallet.local.groups import partitions_of
from wallet.percentiles import percentile

WALLETS: Final = 10_000
SOURCE: Final = "/wallet/bench"
TARGET: Final = "IR062960000000100324200001"

LEAD_SECONDS: Final = 10.0
SCHEDULED_PER_SECOND: Final = 1500
"""The first is due when all are surely scheduled, on a machine as slow as this."""

READY_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.1
PAYING_SECONDS: Final = 60.0
"""How long the bank's ledger may stand still before it is taken to be complete."""

_CLI: Final = (sys.executable, "-m", "wallet.cli")


class Wanted(NamedTuple):
    """What is to be measured."""

    scheduled: int
    due: int
    seconds: int
    burst: int
    workers: int
    bank_ms: int
    """What the pretend bank takes for a payment; 0: there is no bank at all."""


class Lateness(NamedTuple):
    """Milliseconds after the due instant; None where nothing was measured."""

    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Fired(NamedTuple):
    """What became of withdrawals that were due."""

    asked: int
    fired: int
    fired_twice: int
    missing: int
    refused: int
    """Executions that were refused, such as one that came too early; each was tried again."""
    seconds: float
    """From the first due instant to when the last execution could be read."""
    sent: Lateness
    """To the broker's stamp on the command: the timer's own."""
    committed: Lateness
    bank: Lateness
    paid: int
    paid_twice: int


class _Payment(msgspec.Struct):
    key: str
    at: str
    times: int


class _Running(NamedTuple):
    """The scratch ledger with all its processes."""

    ledger: Settings
    wallets: Sequence[str]
    timer: Watch
    payments: Path | None
    bank_seconds: float


def measure(settings: Settings, wanted: Wanted, tell: Tell) -> dict[str, object]:
    """Run it all; the figures by name. Raises Failure when the machine cannot keep up."""
    index = begin(settings, tell)
    with scratch_ledger(settings, "bench") as ledger:
        fill(ledger, wanted.scheduled, tell)
        with _running(ledger, wanted, tell) as running:
            count = wanted.due * wanted.seconds
            steady = _round(running, count, wanted.due, tell)
            used = running.timer.processor_seconds
            burst = _round(running, wanted.burst, None, tell) if wanted.burst else None
            memory_mb = running.timer.most_mb
    return {
        "scheduled": wanted.scheduled,
        "due_per_second": wanted.due,
        "seconds": wanted.seconds,
        "workers": wanted.workers,
        "bank_ms": wanted.bank_ms,
        **_figures(steady),
        "consumer_memory_mb": round(memory_mb, 1),
        "consumer_cpu_us_per_withdrawal": round(1e6 * used / count, 1),
        **({f"burst_{name}": value for name, value in _figures(burst).items()} if burst else {}),
        "machine": index.end()._asdict(),
    }


@contextmanager
def _running(ledger: Settings, wanted: Wanted, tell: Tell) -> Iterator[_Running]:
    """Start everything, open the wallets, and wait until all follow their partitions."""
    with ExitStack() as stack:
        payments = None
        if wanted.bank_ms:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wallet-bench-")))
            port = ports.free()
            ledger = ledger.model_copy(update=bank.settings(port))
            argv = (*_CLI, "pretend-bank", "--port", str(port), "--data", str(folder))
            delay = {"WALLET_PRETEND_BANK_DELAY": str(wanted.bank_ms / 1000)}
            stack.enter_context(process(ledger, argv, delay))
            payments = folder / "ledger.jsonl"
        for slot in range(1, wanted.workers + 1):
            stack.enter_context(worker_process(ledger, (*WORKER, f"bench-{slot}"), slot))
        names = list(GROUPS) if wanted.bank_ms else ["delayed"]
        watches = {
            name: stack.enter_context(process(ledger, (*_CLI, name, "--slot", "bench"), {}))
            for name in names
        }
        wallets = _open_wallets(ledger)
        _await_members(ledger, names)
        tell(f"{len(wallets):,} wallets, {wanted.workers} workers and all consumers are there")
        yield _Running(ledger, wallets, watches["delayed"], payments, wanted.bank_ms / 1000)


def _open_wallets(ledger: Settings) -> Sequence[str]:
    counter = Counter(ledger)
    try:
        given = load.Load(1, WALLETS)
        counter.count(load.send(ledger, given.opening()))
    finally:
        counter.close()
    return given.wallets


def _await_members(ledger: Settings, names: Sequence[str]) -> None:
    """Wait until the consumers have all partitions."""
    admin = topics.client(ledger)
    deadline = time.monotonic() + READY_SECONDS
    for name in names:
        group = f"{ledger.application}-{GROUPS[name]}"
        while len(frozenset().union(*partitions_of(admin, group).values())) < ledger.partitions:
            if time.monotonic() > deadline:
                raise Failure(f"{name} does not get ready; try it by hand with `wallet {name}`")
            time.sleep(LOOK_SECONDS)  # a group tells nobody that it is complete


def _round(running: _Running, count: int, per_second: int | None, tell: Tell) -> Fired:
    """Let so many become due, at this pace or all at one instant."""
    ear = Ear(running.ledger)
    ear.start()
    try:
        start = time.time() + LEAD_SECONDS + count / SCHEDULED_PER_SECOND
        load.send(running.ledger, _schedules(running.wallets, count, start, per_second))
        if not ear.await_count(lambda: len(ear.due), count) or time.time() > start:
            raise Failure(f"the machine did not schedule {count} withdrawals in time; ask for less")
        tell(f"{count:,} withdrawals scheduled, the first is due in {start - time.time():.0f} s")
        ear.await_count(lambda: len(ear.executed.keys() & ear.due.keys()), count)
    finally:
        ear.end()
    tell(f"{len(ear.executed):,} fired")
    return _fired(ear, _paid(running, ear, tell))


def _schedules(
    wallets: Sequence[str], count: int, start: float, per_second: int | None
) -> Iterator[Message]:
    for number in range(count):
        due = start + number / per_second if per_second else start
        data = {
            "wallet_id": wallets[number % len(wallets)],
            "amount": "1.00",
            "due_at": in_milliseconds(datetime.fromtimestamp(due, UTC)),
            "target": TARGET,
        }
        yield message_of("withdrawal.schedule.v1", data, source=SOURCE)


def _paid(running: _Running, ear: Ear, tell: Tell) -> dict[str, tuple[float, int]]:
    """When the bank was called for each withdrawal of this round, and how often it paid it."""
    if running.payments is None:
        return {}
    moved_at, size = time.monotonic(), -1
    while time.monotonic() - moved_at < PAYING_SECONDS:
        found = _payments(running.payments, running.bank_seconds)
        if found.keys() >= ear.executed.keys():
            break
        if len(found) != size:
            moved_at, size = time.monotonic(), len(found)
        time.sleep(1.0)  # a file that grows has no event
    tell(f"{len(found.keys() & ear.due.keys()):,} paid by the bank")
    return {key: paid for key, paid in found.items() if key in ear.due}


def _payments(file: Path, bank_seconds: float) -> dict[str, tuple[float, int]]:
    found: dict[str, tuple[float, int]] = {}
    for line in file.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            payment = msgspec.json.decode(line, type=_Payment)
            called = datetime.fromisoformat(payment.at).timestamp() - bank_seconds
            found[payment.key] = (found.get(payment.key, (called, 0))[0], payment.times)
    return found


def _fired(ear: Ear, paid: dict[str, tuple[float, int]]) -> Fired:
    due = ear.due
    executed = {key: at for key, at in ear.executed.items() if key in due}
    return Fired(
        asked=len(due),
        fired=len(executed),
        fired_twice=ear.twice,
        missing=len(due) - len(executed),
        refused=ear.refused,
        seconds=round(max(executed.values(), default=0) - min(due.values(), default=0), 2),
        sent=_lateness([at - due[key] for key, at in ear.sent.items() if key in due]),
        committed=_lateness([at - due[key] for key, at in executed.items()]),
        bank=_lateness([called - due[key] for key, (called, _) in paid.items()]),
        paid=len(paid),
        paid_twice=sum(times > 1 for _, times in paid.values()),
    )


def _lateness(seconds: list[float]) -> Lateness:
    if not seconds:
        return Lateness(None, None, None)
    seconds.sort()

    def share(percent: int) -> float:
        return round(1000 * percentile(seconds, percent), 1)

    return Lateness(share(50), share(99), share(100))


def _figures(fired: Fired) -> dict[str, object]:
    """As the JSON has them."""
    found: dict[str, object] = {}
    for name, value in fired._asdict().items():
        if isinstance(value, Lateness):
            found |= {f"{name}_{each}": figure for each, figure in value._asdict().items()}
        else:
            found["drained_seconds" if name == "seconds" else name] = value
    return found
