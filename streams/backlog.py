"""What waits in a lane: records in their order, counted and weighed: key, value and headers."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from streams.dead_letters import HEADER_BYTES, NAME_BYTES
from streams.rows import Record

BATCH_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of a batch, unless its first record alone has more. 2,000 usual commands have a
tenth of it, headers and all. But a record may have a megabyte, and be no command: 2,000 of
these would be one statement of gigabytes, given up after 8 s or beyond what PostgreSQL takes, and
tried again by whoever comes next. As dead letters, base64 and all, these bytes are 22 to 32 MiB."""

QUEUE_BYTES: Final = 128 * 1024 * 1024
"""Most bytes that wait in a worker's memory, and one fetch more of each partition."""


class Backlog:
    """A queue; not for several threads at once."""

    def __init__(self) -> None:
        self._runs: deque[tuple[Sequence[Record], int]] = deque()
        """Each with its weight, so that a run taken whole is weighed once."""
        self.count = 0
        self.bytes = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, run: Sequence[Record]) -> None:
        """Put records behind the others."""
        weight = bytes_of(run)
        self._runs.append((run, weight))
        self.count += len(run)
        self.bytes += weight

    def take(self, most: int) -> list[Record]:
        """Take the first records, at most so many, and of at most BATCH_BYTES."""
        taken: list[Record] = []
        size, has_space = 0, True
        while self._runs and len(taken) < most and has_space:
            run, whole = self._runs.popleft()
            part = run[: most - len(taken)]
            weight = whole if len(part) == len(run) else bytes_of(part)
            if size + weight > BATCH_BYTES:
                has_space = False
                part = part[: fitting(part, BATCH_BYTES - size) or (0 if taken else 1)]
                weight = bytes_of(part)
            if len(part) < len(run):
                self._runs.appendleft((run[len(part) :], whole - weight))
            taken += part
            size += weight
        self.count -= len(taken)
        self.bytes -= size
        return taken

    def clear(self) -> None:
        """Forget all of them."""
        self._runs.clear()
        self.count = self.bytes = 0


def bytes_of(records: Sequence[Record]) -> int:
    """What records weigh together. Sums of lists: every command comes by here."""
    values = sum([len(record.value) for record in records if record.value])
    keys = sum([len(record.key) for record in records if record.key])
    headers = [
        len(name) * NAME_BYTES + len(value or b"") + HEADER_BYTES
        for record in records
        if record.headers
        for name, value in record.headers
    ]
    return values + keys + sum(headers)


def fitting(records: Sequence[Record], room: int) -> int:
    """How many of the first records have no more bytes than there is room for."""
    for count, record in enumerate(records):
        room -= bytes_of((record,))
        if room < 0:
            return count
    return len(records)
