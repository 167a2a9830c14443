"""What is to be fired when, over all partitions that are ours. Pure: it is told the time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from consumers.delayed.window import PAGE, Due, Fired, Page, Window

WINDOW_US: Final = 60_000_000
"""How far ahead withdrawals are kept in memory; it moves on when half of it is left."""

ROOM: Final = 100_000
"""Withdrawals that wait in memory, all partitions together, and as many that were fired and are
not known to be done: at most some 150 MB. A burst of 50,000 in one second fits."""


class Timer:
    """The windows of the partitions that are ours; all times are microseconds since 1970."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._windows: dict[int, Window] = {}
        self._horizon_us = 0

    @property
    def waiting(self) -> int:
        """How many wait in memory."""
        return sum(window.waiting for window in self._windows.values())

    @property
    def fired(self) -> int:
        """How many were fired and are not known to be done."""
        return sum(len(window.fired) for window in self._windows.values())

    def gain(self, partitions: Iterable[int]) -> None:
        """Begin with partitions of which nothing is known yet."""
        for partition in partitions:
            self._windows[partition] = Window(partition, PAGE)
        self._share_room()

    def lose(self, partitions: Iterable[int]) -> None:
        """Forget partitions that are others' now."""
        for partition in partitions:
            self._windows.pop(partition, None)
        self._share_room()

    def rescan(self) -> None:
        """Read everything near again, for what may have slipped through."""
        for window in self._windows.values():
            window.rescan()

    def wanted(self, now_us: int) -> Page | None:
        """The page that is missed most; None when all that is near is here.

        A clock that jumps ahead takes the horizon along.
        """
        if now_us + WINDOW_US // 2 > self._horizon_us:
            self._horizon_us = now_us + WINDOW_US
        pages = (window.wanted(self._horizon_us) for window in self._windows.values())
        return min((page for page in pages if page), key=lambda page: page.after, default=None)

    def read(self, page: Page, rows: Sequence[Due]) -> None:
        """Take the rows of a page, in order."""
        window = self._windows.get(page.partition)
        if window is not None:
            window.read(page, rows)

    def scheduled(self, partition: int, due: Due) -> None:
        """Take what a record of a partition says."""
        window = self._windows.get(partition)
        if window is not None:
            window.scheduled(due)

    def gone(self, partition: int, withdrawal_id: str) -> None:
        """Forget what a record says is scheduled no more.

        It stands where its command stood: nearly always on the withdrawal's own partition.
        """
        own = self._windows.get(partition)
        if own is None or not own.gone(withdrawal_id):
            self.forget(withdrawal_id)

    def forget(self, withdrawal_id: str) -> None:
        """Forget a withdrawal wherever it is."""
        any(window.gone(withdrawal_id) for window in self._windows.values())

    def next_us(self, now: float) -> int | None:
        """When the next is due, of those that may be fired; of partitions at rest none may."""
        nexts = (w.next_us() for w in self._windows.values() if not w.rests(now))
        return min((at for at in nexts if at is not None), default=None)

    def rests(self, now: float) -> float | None:
        """How many seconds more a partition is at rest, the shortest; None where none is."""
        rests = (window.rests(now) for window in self._windows.values())
        return min((seconds for seconds in rests if seconds), default=None)

    def fire(self, until_us: int, now: float, most: int) -> Iterator[Fired]:
        """Take out what is due, as fired: partition by partition, each with its share.

        What the caller does not ask for stays. `now` is the moment in seconds of a clock that
        never jumps. A partition at rest (Window.rests) has none.
        """
        share = max(most // max(len(self._windows), 1), 1)
        for window in self._windows.values():
            for _ in range(0 if window.rests(now) else share):
                at = window.next_us()
                if at is None or at > until_us:
                    window.rest(now)
                    break
                fired = window.fire(now)
                assert fired is not None, "a window that tells a time has one to fire"
                yield fired

    def doubtful(self, before: float, most: int) -> list[Fired]:
        """Those fired of which nothing is known, not asked about since `before`."""
        share = max(most // max(len(self._windows), 1), 1)
        windows = self._windows.values()
        return [fired for window in windows for fired in window.doubtful(before, share)]

    def asked(self, withdrawal_id: str, now: float) -> None:
        """Note that the database was asked, and the command is still on its way."""
        for window in self._windows.values():
            window.asked(withdrawal_id, now)

    def again(self, withdrawal_id: str, attempt: int, not_before_us: int = 0) -> None:
        """Let a fired one wait again, for this attempt, until it is due or later."""
        for window in self._windows.values():
            window.again(withdrawal_id, attempt, not_before_us)

    def _share_room(self) -> None:
        for window in self._windows.values():
            window.room = max(self._room // len(self._windows), PAGE)
