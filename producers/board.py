"""Who waits for which command: delivery reports and results are pinned here.

A result belongs to a record when source, id, partition and offset agree. A result of the same id
at another offset is only a hint: the record may be a repetition of it, which gets no result of its
own, or other content under the same id, which gets one. Where the record that it belongs to is
pinned too, and has other content, it is no hint.
"""

import threading
import time
from collections.abc import Callable

from producers.failure import ClientError
from producers.message import Message, fingerprint_of
from schemas.results import AnyResult

Name = tuple[str, str]
"""Source and id of a command."""


class Pending:
    """One sent record and what is known of it. `tell` is called whenever that becomes more."""

    __slots__ = (
        "failure",
        "heard",
        "is_loose",
        "message",
        "place",
        "result",
        "seconds",
        "sent_at",
        "tell",
    )

    def __init__(self, message: Message, tell: Callable[["Pending"], object]) -> None:
        self.message = message
        self.tell = tell
        self.place: tuple[int, int] | None = None
        self.failure: ClientError | None = None
        self.result: AnyResult | None = None
        self.heard: list[AnyResult] = []
        self.is_loose = False
        """Whether nobody may ever wait for it: past the limit such a one is forgotten first."""
        self.sent_at = time.perf_counter()
        self.seconds = 0.0

    @property
    def name(self) -> Name:
        """Source and id."""
        return self.message.source, self.message.id

    def settle(self, result: AnyResult) -> None:
        """Take this result as the answer."""
        if self.result is None:
            self.result = result
            self.seconds = time.perf_counter() - self.sent_at


class Board:
    """The records whose results are awaited, by source and id; at most `limit` of them.

    Past the limit the oldest that is loose is forgotten, else the oldest: whoever still waits for
    it asks where first answers are kept. Safe to use from several threads.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._pending: dict[Name, list[Pending]] = {}
        self._ids: dict[str, int] = {}
        self._loose: dict[Pending, None] = {}
        self._count = 0

    def pin(self, pending: Pending) -> None:
        """Expect results for this record; call it before the record is sent."""
        with self._lock:
            if self._count >= self._limit:
                self._drop(next(iter(self._loose), next(iter(self._pending.values()))[0]))
            if pending.is_loose:
                self._loose[pending] = None
            self._pending.setdefault(pending.name, []).append(pending)
            self._ids[pending.message.id] = self._ids.get(pending.message.id, 0) + 1
            self._count += 1

    def unpin(self, pending: Pending) -> None:
        """Expect no more for this record."""
        with self._lock:
            self._drop(pending)

    def find(self, name: Name, place: tuple[int, int]) -> Pending | None:
        """The record pinned under this name that stands at (partition, offset)."""
        with self._lock:
            same = self._pending.get(name, [])
            return next((pending for pending in same if pending.place == place), None)

    def expects(self, command_id: str) -> bool:
        """Whether any record of this id is awaited: cheap, before a result is decoded."""
        return command_id in self._ids

    def delivered(self, pending: Pending, partition: int, offset: int) -> None:
        """The broker has the record at this place; its result may have come before the report."""
        with self._lock:
            pending.place = (partition, offset)
            for result in pending.heard:
                if _place_of(result) == pending.place:
                    pending.settle(result)
                    for other in self._others(pending):
                        if result in other.heard and not _agree(pending, other):
                            other.heard.remove(result)
        pending.tell(pending)

    def failed(self, pending: Pending, failure: ClientError) -> None:
        """The broker does not have the record."""
        with self._lock:
            pending.failure = failure
        pending.tell(pending)

    def answered(self, result: AnyResult) -> None:
        """A result was read from the log."""
        with self._lock:
            same = list(self._pending.get((result.command.source or "", result.command.id), ()))
            owner = next((each for each in same if each.place == _place_of(result)), None)
            for pending in same:
                if owner is None or _agree(owner, pending):
                    pending.heard.append(result)
            if owner is not None:
                owner.settle(result)
        for pending in same:
            pending.tell(pending)

    def _others(self, pending: Pending) -> list[Pending]:
        return [each for each in self._pending.get(pending.name, ()) if each is not pending]

    def _drop(self, pending: Pending) -> None:
        same = self._pending.get(pending.name, [])
        if pending not in same:
            return
        same.remove(pending)
        self._loose.pop(pending, None)
        if not same:
            del self._pending[pending.name]
        command_id = pending.message.id
        self._ids[command_id] -= 1
        if not self._ids[command_id]:
            del self._ids[command_id]
        self._count -= 1


def _agree(one: Pending, other: Pending) -> bool:
    """Whether two records of one name are the same command."""
    return one is other or fingerprint_of(one.message) == fingerprint_of(other.message)


def _place_of(result: AnyResult) -> tuple[int, int]:
    return result.command.partition, result.command.offset
