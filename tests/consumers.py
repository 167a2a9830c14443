"""Consumer processes for tests: kept running as workers are, under a slot of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from schemas.settings import Settings
from tests.workers import Worker


class DelayedConsumer(Worker):
    """A `wallet delayed` process."""

    words: ClassVar[tuple[str, ...]] = ("delayed", "--slot")


@contextmanager
def delayed_consumer(
    settings: Settings, folder: Path, slot: str = "1", *faults: str
) -> Iterator[DelayedConsumer]:
    """One that follows its partitions; started again whenever it dies, and ended in the end."""
    consumer = DelayedConsumer(settings, slot, folder / f"delayed-{slot}.log").start(*faults)
    try:
        consumer.await_said("partitions gained")
        yield consumer
    finally:
        consumer.stop()
