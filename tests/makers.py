"""Makers of receipts for tests: kept running as workers are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from schemas.settings import Settings
from tests.workers import Worker


class Maker(Worker):
    """A `wallet receipts` process."""

    words: ClassVar[tuple[str, ...]] = ("receipts", "--slot")


@contextmanager
def maker(settings: Settings, folder: Path, *faults: str) -> Iterator[Maker]:
    """One that follows its partitions; started again whenever it dies, and ended in the end."""
    made = Maker(settings, "1", folder / "receipts.log").start(*faults)
    try:
        made.await_said("partitions gained")
        yield made
    finally:
        made.stop()
