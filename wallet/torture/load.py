"""The load: a steady stream of drawn commands, sent as an upstream would, and accounted for."""

import queue
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.settings import Settings
from wallet.torture.account import Account
from wallet.torture.draw import Draft, Drawer
from wallet.torture.faults import Raw

TICK_SECONDS: Final = 0.02
QUEUED: Final = 200_000
"""Records that wait in librdkafka while the broker is away; some 600 bytes each."""
DELIVERY_MS: Final = 10 * 60 * 1000
OVERSIZE_EVERY: Final = 1000
"""One command in so many is larger than any broker takes: it must be refused at the edge."""
OVERSIZE: Final = b"x" * (2 * 2**20)
OPENING_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 120.0


class Load(threading.Thread):
    """Sends from `start` to `end` at a rate; only its own thread touches producer and account."""

    def __init__(self, settings: Settings, drawer: Drawer, per_second: float) -> None:
        super().__init__(name="load", daemon=True)
        self.account: Final = Account()
        self.unsettled = 0
        """Records of which it is not known whether they are in the log."""
        self.oversize = 0
        """Records that were refused at the edge for their size."""
        self.trouble: BaseException | None = None
        self._settings = settings
        self._topic = settings.topics.commands.name
        self._drawer = drawer
        self._rate = per_second
        self._raws: queue.SimpleQueue[Sequence[Raw]] = queue.SimpleQueue()
        self._again: list[tuple[int, Raw]] = []
        self._producer = self._make()
        self._ended = threading.Event()

    @property
    def sent(self) -> int:
        """Records sent so far."""
        return len(self.account)

    def open(self) -> None:
        """Make the wallets, before anything is broken. Raises TimeoutError."""
        for draft in self._drawer.opening():
            self._put(draft)
        if self._producer.flush(OPENING_SECONDS):
            raise TimeoutError("the broker did not take the first commands")

    def put_raw(self, raws: Sequence[Raw]) -> None:
        """Send these too; from any thread."""
        self._raws.put(raws)

    def run(self) -> None:
        """Send until ended, then wait until all is in the log."""
        try:
            self._run()
            self._settle()
        except BaseException as error:  # noqa: BLE001 - raised where the load ends
            self.trouble = error

    def end(self) -> None:
        """Send nothing new, wait until all is in the log. Raises what went wrong."""
        self._ended.set()
        self.join(SETTLE_SECONDS + 10)
        if self.trouble is not None:
            raise self.trouble
        if self.is_alive() or self.unsettled:
            raise TimeoutError(f"{self.unsettled} commands did not get into the log")

    def _run(self) -> None:
        began, drawn = time.monotonic(), 0
        while not self._ended.wait(TICK_SECONDS):
            due = int((time.monotonic() - began) * self._rate)
            while drawn < due and self.unsettled < QUEUED // 2:
                self._put(self._drawer.draw())
                drawn += 1
                if drawn % OVERSIZE_EVERY == 0:
                    self._put_oversize()
            self._put_waiting()
            self._producer.poll(0)

    def _settle(self) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while (self.unsettled or not self._raws.empty()) and time.monotonic() < deadline:
            self._put_waiting()
            self._producer.flush(1.0)

    def _put_waiting(self) -> None:
        """What faults want sent, and what has to be sent again."""
        again, self._again = self._again, []
        for number, raw in again:
            self._produce(number, raw)
        while not self._raws.empty():
            for raw in self._raws.get():
                self._put(Draft(raw, "from faults"))

    def _put(self, draft: Draft) -> None:
        number = self.account.note(draft)
        self.unsettled += 1
        self._produce(number, draft.raw)

    def _put_oversize(self) -> None:
        """More than the producer lets out. Raises AssertionError if it is taken."""
        try:
            self._producer.produce(self._topic, OVERSIZE, self._drawer.wallets[0])
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            self.oversize += 1
        else:
            raise AssertionError("a record of 2 MiB was taken")

    def _produce(self, number: int, raw: Raw) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    raw.value,
                    raw.key,
                    raw.partition,
                    headers=list(raw.headers),
                    on_delivery=partial(self._reported, number, raw),
                )
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                self._refused(number, raw, error.args[0])
                return
            else:
                return

    def _reported(self, number: int, raw: Raw, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._again.append((number, raw))
            return
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        self.unsettled -= 1
        self.account.delivered(number, (partition, offset))

    def _refused(self, number: int, raw: Raw, error: KafkaError) -> None:
        """The producer did not take a record: it is too large, or the producer is at its end."""
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self.unsettled -= 1
            self.oversize += 1
            self.account.forget(number)
            return
        if error.fatal():
            self._producer = self._make()
        self._again.append((number, raw))

    def _make(self) -> Producer:
        own: dict[str, Any] = {
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "delivery.timeout.ms": DELIVERY_MS,
            "retry.backoff.ms": 20,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "queue.buffering.max.messages": QUEUED,
            "queue.buffering.max.kbytes": 512 * 1024,
            "log_level": 0,
        }
        return Producer({**self._settings.kafka_client(), **own})
