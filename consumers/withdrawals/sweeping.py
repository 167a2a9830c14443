"""Which pages of PostgreSQL the bank caller has to read. Told the time; for one thread."""

from typing import Final

from consumers.withdrawals.rows import PAGE, START, Page, Place

EVERY_SECONDS: Final = 30.0
"""So often everything is read again, for what may have slipped through."""


class Sweeps:
    """A sweep goes through a partition's executing withdrawals from the first to the last.

    One is under way for each partition that may have some which are not in care. It stands still
    where there is no room, and goes on when there is.
    """

    def __init__(self, now: float) -> None:
        self._places: dict[int, Place] = {}
        self._missed: set[int] = set()
        self._next_at = now + EVERY_SECONDS

    def begin(self, partition: int) -> None:
        """There is something that is not in care: go through all of them."""
        if partition in self._places:
            self._missed.add(partition)
        else:
            self._places[partition] = START

    def end(self, partition: int) -> None:
        """The partition is another's now."""
        self._places.pop(partition, None)
        self._missed.discard(partition)

    def tick(self, now: float, partitions: set[int]) -> float:
        """Begin with all when it is time; gives in how many seconds it will be."""
        if now >= self._next_at:
            self._next_at = now + EVERY_SECONDS
            for partition in partitions:
                self._places.setdefault(partition, START)
        return self._next_at - now

    def wanted(self, room: int) -> tuple[int, Place] | None:
        """The next page to read: partition and where it begins. None: none, or no room."""
        if room < PAGE or not self._places:
            return None
        return next(iter(self._places.items()))

    def read(self, partition: int, begin: Place, page: Page) -> None:
        """A page was read; partitions take turns."""
        if self._places.get(partition) != begin:
            return  # lost meanwhile
        del self._places[partition]
        if page.end is not None:
            self._places[partition] = page.end
        elif partition in self._missed:
            self._missed.discard(partition)
            self._places[partition] = START
