"""`wallet bench latency`: from a command handed to a producer to its result, at a fixed rate.

On a scratch ledger with workers of its own, then the bare loop of `wallet bench drain` under the
same load. Commands are sent when they are due, whether or not the ledger keeps up: a latency
counts from the due instant, so that a sender held up by the machine hides nothing.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

from confluent_kafka import Message as Record
from confluent_kafka import Producer

from producers import load
from producers.message import Message
from producers.sender import producer_settings
from schemas.settings import Settings
from wallet.bench.arms import BARE, bare_mix, begin, open_wallets, workers_of
from wallet.bench.committed import results_from_now
from wallet.bench.processes import Process, Watch, worker_process
from wallet.bench.scratch import scratch_ledger
from wallet.failure import Failure, Tell
from wallet.percentiles import percentile

TICK_SECONDS: Final = 0.001
WARM_SECONDS: Final = 3.0
"""Sent and answered before anything counts: claims, plans, caches."""

PATIENCE_SECONDS: Final = 30.0
WAIT_MS: Final = 500
"""A fetch is answered as soon as something is committed."""


class Wanted(NamedTuple):
    """What is to be measured."""

    rate: int
    seconds: float
    wallets: int
    mix: str
    workers: int
    seed: int


class Latency(NamedTuple):
    """Milliseconds to the result in a read_committed reader, of all commands of an arm."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    commands_per_transaction: float
    """Of one partition: how many commands shared a Kafka transaction."""
    cpu_us_per_command: float
    """Processor time of the workers."""


def measure(settings: Settings, wanted: Wanted, tell: Tell) -> dict[str, object]:
    """The ledger and the bare loop in turn; figures by name. Raises Failure if results stay out."""
    index = begin(settings, tell)
    tell(f"{wanted.rate:,} commands a second for {wanted.seconds:g} s: the ledger")
    ours = _arm(settings, wanted, wanted.mix, workers_of(wanted.workers))
    tell("the bare loop")
    theirs = _arm(settings, wanted, bare_mix(wanted.mix), [BARE])
    return {
        **wanted._asdict(),
        **ours._asdict(),
        **{f"bare_loop_{name}": value for name, value in theirs._asdict().items()},
        "ratio_to_bare_loop_p50": round(ours.p50_ms / theirs.p50_ms, 2),
        "machine": index.end()._asdict(),
    }


def _arm(settings: Settings, wanted: Wanted, mix: str, processes: list[Process]) -> Latency:
    with scratch_ledger(settings, "bench") as ledger, ExitStack() as stack:
        given = load.Load(wanted.seed, wanted.wallets)
        open_wallets(ledger, given)
        watches = [
            stack.enter_context(worker_process(ledger, argv, slot))
            for slot, argv in enumerate(processes, 1)
        ]
        reader = Reader(ledger)
        try:
            warm = list(given.commands(max(1, int(wanted.rate * WARM_SECONDS)), mix))
            _run(ledger, reader, warm, wanted.rate, watches)
            messages = list(given.commands(int(wanted.rate * wanted.seconds), mix))
            return _run(ledger, reader, messages, wanted.rate, watches)
        finally:
            reader.close()


def _run(
    ledger: Settings,
    reader: "Reader",
    messages: Sequence[Message],
    rate: int,
    watches: Sequence[Watch],
) -> Latency:
    used = _used(watches)
    heard = Heard(reader, len(messages))
    heard.start()
    due = send_at(ledger, messages, rate)
    if not heard.wait():
        raise Failure(f"{len(heard.at):,} of {len(messages):,} results, then silence")
    taken = sorted(1000 * (heard.at[key] - moment) for key, moment in due.items())
    parts = [round(percentile(taken, percent), 1) for percent in (50, 95, 99, 100)]
    return Latency(
        parts[0],
        parts[1],
        parts[2],
        parts[3],
        round(len(messages) / max(1, heard.transactions), 1),
        round(1e6 * (_used(watches) - used) / len(messages), 1),
    )


def _used(watches: Sequence[Watch]) -> float:
    for watch in watches:
        watch.look()
    return sum(watch.processor_seconds for watch in watches)


def send_at(ledger: Settings, messages: Sequence[Message], rate: int) -> dict[str, float]:
    """Send so many a second, evenly; by command id, when each was due (time.perf_counter)."""
    producer = Producer(producer_settings(ledger))
    topic = ledger.topics.commands.name
    producer.list_topics(topic, ledger.kafka_timeout)  # connected before the clock runs
    due: dict[str, float] = {}
    start = time.perf_counter()
    for message, moment in _paced(messages, start, rate):
        due[message.id] = moment
        producer.produce(topic, message.value, message.key, headers=message.headers)  # type: ignore[arg-type]
        producer.poll(0)
    if producer.flush(load.FLUSH_SECONDS):
        raise Failure("the broker did not take all commands")
    return due


def _paced(messages: Sequence[Message], start: float, rate: int) -> Iterator[tuple[Message, float]]:
    """Each message when it is due, and that instant."""
    pause = threading.Event()  # never set: waiting for a moment, which is what a rate is
    for number, message in enumerate(messages):
        moment = start + number / rate
        while (left := moment - time.perf_counter()) > 0:
            pause.wait(max(left, TICK_SECONDS))
        yield message, moment


class Reader:
    """A read_committed reader of the results, from the present end on."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = results_from_now(settings, "latency", WAIT_MS)

    def read(self) -> list[tuple[str, int, int]]:
        """What has come, after at most 0.1 s: (command id, partition, offset) of each."""
        first = self._consumer.poll(0.1)
        records = [] if first is None else [first, *self._consumer.consume(2000, timeout=0)]
        return [_told(record) for record in records if record.error() is None]

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


def _told(record: Record) -> tuple[str, int, int]:
    headers = dict(record.headers() or ())
    asked, partition, offset = headers["ce_causationid"], record.partition(), record.offset()
    assert isinstance(asked, bytes), "every result names its command"
    assert partition is not None
    assert offset is not None
    return asked.decode(), partition, offset


class Heard(threading.Thread):
    """Notes when each of so many results could be read, in a thread of its own."""

    def __init__(self, reader: Reader, wanted: int) -> None:
        super().__init__(name="heard", daemon=True)
        self.at: dict[str, float] = {}
        self.transactions = 0
        """Transactions seen: a marker takes an offset, so a new one begins after each gap."""
        self._wanted = wanted
        self._reader = reader

    def run(self) -> None:
        """Read until all are here, or none came for long."""
        following: dict[int, int] = {}
        newest = time.perf_counter()
        while len(self.at) < self._wanted:
            records = self._reader.read()
            now = time.perf_counter()
            if not records and now - newest > PATIENCE_SECONDS:
                return
            for key, partition, offset in records:
                newest = now
                self.at.setdefault(key, now)
                self.transactions += following.get(partition) != offset
                following[partition] = offset + 1

    def wait(self) -> bool:
        """Wait for the end; whether all were heard."""
        self.join()
        return len(self.at) == self._wanted
