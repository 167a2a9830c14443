"""The next minute of one partition: what is to be fired, and what was and is not yet known done.

Pure: it is told the time. PostgreSQL holds all that is scheduled; here is only its near end.
"""

import heapq
from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from typing import Final, NamedTuple

PAGE: Final = 1000
"""Rows of one page: some 5 ms of the database, in which nothing is fired."""

CROWD: Final = 4
REST_SECONDS: Final = 0.1
"""Where so many were due together, those that become due while they are on their way wait for the
answer to the last of them, at most so long: the partition's worker would only have them wait, and
more of them in one batch cost it less.
"""

LEAST_UUID: Final = "00000000-0000-0000-0000-000000000000"

Key = tuple[int, str]
"""Where a withdrawal stands in the order of the index: due_at_us, withdrawal id."""

START: Final[Key] = (0, LEAST_UUID)
"""Before every withdrawal: microseconds count from 1970."""


class Due(NamedTuple):
    """A scheduled withdrawal. Of two with the same instant the ids decide, as in the index."""

    due_at_us: int
    withdrawal_id: str
    wallet_id: str

    @property
    def key(self) -> Key:
        """Its place in the order of the index."""
        return self[:2]


class Page(NamedTuple):
    """What to read next: rows of a partition after a key and due before a moment, in order."""

    partition: int
    after: Key
    before_us: int
    limit: int = PAGE


class Fired(NamedTuple):
    """A withdrawal whose command was sent.

    `asked_at` is when the database was last asked about it, at first the moment of sending, in
    seconds of a clock that never jumps.
    """

    due: Due
    attempt: int
    asked_at: float


class Window:
    """One partition's near end. Holds `room` waiting and `room` fired withdrawals, not much more.

    Everything scheduled up to `front` is here. What lies behind it is read from the database page
    by page; a record of the topic is taken only when it lies before it, since a page will bring it
    otherwise. So the rest may be as long as it likes.
    """

    def __init__(self, partition: int, room: int) -> None:
        self.partition = partition
        self.room = room
        self.front: Key = START
        self.fired: dict[str, Fired] = {}
        """In the order in which the database is asked about them."""
        self._waiting: dict[str, Due] = {}
        self._heap: list[Due] = []  # may hold what is waiting no more
        self._attempts: dict[str, int] = {}
        """Of those waiting that were fired before: which attempt the next is."""
        self._ceiling: Key | None = None
        """Reading stops here until there is room again."""
        self._volley = 0
        """Fired since all that was due had been."""
        self._awaited = ""
        """The last of a crowd."""
        self._rest_until = 0.0

    @property
    def waiting(self) -> int:
        """How many are waiting here."""
        return len(self._waiting)

    def rescan(self) -> None:
        """Read from the beginning again, for what may have slipped through."""
        self.front = START

    def wanted(self, horizon_us: int) -> Page | None:
        """The page to read next, up to a horizon; None when nothing is missing or no room is."""
        if self._ceiling is not None and 2 * self.waiting <= self.room:
            self._ceiling = None
        if self._ceiling is not None and self.front >= self._ceiling:
            return None
        if self.front >= (horizon_us, ""):
            return None
        return Page(self.partition, self.front, horizon_us)

    def read(self, page: Page, rows: Sequence[Due]) -> None:
        """Take the rows of a page: in order, and fewer than its limit only where no more are."""
        for due in rows:
            self._add(due)
        self.front = rows[-1].key if len(rows) >= page.limit else (page.before_us, "")
        if self.waiting >= self.room and self._ceiling is None:
            self._ceiling = self.front
        self._make_room()

    def scheduled(self, due: Due) -> None:
        """Take what a record says is scheduled, if no page will bring it."""
        if due.key <= self.front:
            self._add(due)
            self._make_room()

    def gone(self, withdrawal_id: str) -> bool:
        """Forget a withdrawal that is scheduled no more; whether it was here."""
        self._attempts.pop(withdrawal_id, None)
        was_waiting = self._waiting.pop(withdrawal_id, None)
        was_fired = self.fired.pop(withdrawal_id, None)
        return was_waiting is not None or was_fired is not None

    def next_us(self) -> int | None:
        """When the next is due; None when there is none, or too many are out unanswered."""
        if len(self.fired) >= self.room:
            return None
        self._drop_stale()
        return self._heap[0].due_at_us if self._heap else None

    def fire(self, now: float) -> Fired | None:
        """Take the next out, as fired now; whether it is due is the caller's to know."""
        self._drop_stale()
        if not self._heap:
            return None
        due = heapq.heappop(self._heap)
        del self._waiting[due.withdrawal_id]
        fired = Fired(due, self._attempts.pop(due.withdrawal_id, 1), now)
        self.fired[due.withdrawal_id] = fired
        self._volley += 1
        self._awaited = due.withdrawal_id if self._volley >= CROWD else ""
        return fired

    def rest(self, now: float) -> None:
        """Note that all that is due was fired."""
        if self._volley:
            self._volley, self._rest_until = 0, now + REST_SECONDS

    def rests(self, now: float) -> float:
        """How many seconds more the next are to wait for an answer to a crowd, at most."""
        return max(self._rest_until - now, 0.0) if self._awaited in self.fired else 0.0

    def doubtful(self, before: float, most: int) -> list[Fired]:
        """Those not asked about since `before`, the longest waiting first."""
        return list(islice(takewhile(lambda f: f.asked_at < before, self.fired.values()), most))

    def asked(self, withdrawal_id: str, now: float) -> None:
        """Note that the database knows no answer yet: the command is still on its way."""
        fired = self.fired.pop(withdrawal_id, None)
        if fired is not None:
            self.fired[withdrawal_id] = fired._replace(asked_at=now)

    def again(self, withdrawal_id: str, attempt: int, not_before_us: int = 0) -> None:
        """Let a fired one wait again, for this attempt: it was not sent, or came too early.

        It is then due at its time or at `not_before_us`, whatever is later.
        """
        fired = self.fired.pop(withdrawal_id, None)
        if fired is None:
            return
        if attempt > 1:
            self._attempts[withdrawal_id] = attempt
        later_us = max(fired.due.due_at_us, not_before_us)
        self._add(fired.due._replace(due_at_us=later_us))

    def _add(self, due: Due) -> None:
        if due.withdrawal_id in self._waiting or due.withdrawal_id in self.fired:
            return
        self._waiting[due.withdrawal_id] = due
        heapq.heappush(self._heap, due)

    def _drop_stale(self) -> None:
        """Take from the top of the heap what is waiting no more."""
        while self._heap and self._waiting.get(self._heap[0].withdrawal_id) is not self._heap[0]:
            heapq.heappop(self._heap)

    def _make_room(self) -> None:
        """Leave to the database what is furthest away, where there is far too much of it.

        Half of the room may be exceeded first, so that it is rare; and what was cancelled is swept
        out of the heap before it outgrows the rest.
        """
        if 2 * self.waiting > 3 * self.room:
            self._keep(heapq.nsmallest(self.room, self._waiting.values()))
            last = max(self._heap).key
            self.front = min(self.front, last)
            self._ceiling = last if self._ceiling is None else min(self._ceiling, last)
        elif len(self._heap) > 3 * self.room:
            self._keep(self._waiting.values())

    def _keep(self, kept: Iterable[Due]) -> None:
        self._heap = list(kept)
        heapq.heapify(self._heap)
        self._waiting = {due.withdrawal_id: due for due in self._heap}
        self._attempts = {w: n for w, n in self._attempts.items() if w in self._waiting}
