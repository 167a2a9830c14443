"""What waits in a lane: records in their order, counted and weighed by their values' bytes."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from streams.rows import Record

BATCH_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of a batch, unless its first record alone has more. 2,000 usual commands have a
thirtieth of it. But a record may have a megabyte, and be no command: 2,000 of these would be one
statement of gigabytes, given up after 8 s, and tried again by whoever comes next."""

QUEUE_BYTES: Final = 128 * 1024 * 1024
"""Most bytes that wait in a worker's memory, one fetch more at most."""


class Backlog:
    """A queue; not for several threads at once."""

    def __init__(self) -> None:
        self._runs: deque[Sequence[Record]] = deque()
        self.count = 0
        self.bytes = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, run: Sequence[Record]) -> None:
        """Put records behind the others."""
        self._runs.append(run)
        self.count += len(run)
        self.bytes += _bytes_of(run)

    def take(self, most: int) -> list[Record]:
        """Take the first records, at most so many, and of at most BATCH_BYTES."""
        taken: list[Record] = []
        size, has_space = 0, True
        while self._runs and len(taken) < most and has_space:
            run = self._runs.popleft()
            part = run[: most - len(taken)]
            weight = _bytes_of(part)
            if size + weight > BATCH_BYTES:
                has_space = False
                part = part[: _fitting(part, BATCH_BYTES - size) or (0 if taken else 1)]
                weight = _bytes_of(part)
            if len(part) < len(run):
                self._runs.appendleft(run[len(part) :])
            taken += part
            size += weight
        self.count -= len(taken)
        self.bytes -= size
        return taken

    def clear(self) -> None:
        """Forget all of them."""
        self._runs.clear()
        self.count = self.bytes = 0


def _bytes_of(records: Sequence[Record]) -> int:
    return sum([len(record.value) for record in records if record.value])


def _fitting(records: Sequence[Record], room: int) -> int:
    """How many of the first records have no more bytes than there is room for."""
    for count, record in enumerate(records):
        room -= len(record.value or b"")
        if room < 0:
            return count
    return len(records)
