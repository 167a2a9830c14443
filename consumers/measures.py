"""What consumers count: records read, records to come, what was fired, calls of the bank."""

import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from prometheus_client import Counter, Gauge

from producers.metrics import REGISTRY

LAG_SECONDS: Final = 2.0
"""Between two looks at how far behind; what is asked for is known to the client already."""

_READ: Final = Counter("wallet_consumer_records", "Records read.", ["topic"], registry=REGISTRY)
_LAG: Final = Gauge(
    "wallet_consumer_lag", "Records not read yet.", ["topic", "partition"], registry=REGISTRY
)
_CALLS: Final = Counter(
    "wallet_bank_calls", "Calls of the bank by what came of them.", ["outcome"], registry=REGISTRY
)


@cache
def fired() -> Counter:
    """What a delayed consumer counts, and no other process tells."""
    what = "Withdrawals sent because they were due."
    return Counter("wallet_withdrawals_fired", what, registry=REGISTRY)


@cache
def given_back() -> Counter:
    """What a bank caller counts, and no other process tells."""
    what = "Withdrawals that the bank has paid and the ledger has given back."
    return Counter("wallet_withdrawals_given_back", what, registry=REGISTRY)


class Behind:
    """How far one consumer is behind on a topic; for the thread that polls."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._look_at = 0.0

    def note(self, consumer: Consumer, partitions: Iterable[int], read: int) -> None:
        """Count records read, and look at the lag now and then; the broker is not asked."""
        if read:
            _READ.labels(self._topic).inc(read)
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LAG_SECONDS
        asked = [TopicPartition(self._topic, number) for number in partitions]
        try:
            for place in consumer.position(asked) if asked else []:
                _, end = consumer.get_watermark_offsets(place, cached=True)
                if end >= 0 and place.offset >= 0:
                    lag = _LAG.labels(self._topic, str(place.partition))
                    lag.set(max(0, end - place.offset))
        except KafkaException:
            return  # a partition that has just gone

    def forget(self, partitions: Iterable[int]) -> None:
        """Tell nothing of partitions that are others' now."""
        for number in partitions:
            _LAG.remove(self._topic, str(number))


def called(kind: str) -> None:
    """Count a call of the bank."""
    _CALLS.labels(kind).inc()


def of_bank_caller(
    in_care: Callable[[], int], in_flight: Callable[[], int], is_open: Callable[[], bool]
) -> None:
    """Tell the state of the one bank caller of this process whenever somebody asks."""
    for name, said, look in (
        ("in_transit", "Withdrawals in transit that this caller sees to.", in_care),
        ("calls_in_flight", "Calls of the bank under way.", in_flight),
        ("breaker_open", "1 while calls wait because the bank does not answer.", is_open),
    ):
        Gauge(f"wallet_bank_{name}", said, registry=REGISTRY).set_function(look)
