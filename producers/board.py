"""Who waits for which command: delivery reports and results are pinned here.

A result belongs to a record when source, id, partition and offset agree. A result of the same id
at another offset is only a hint: the record may be a repetition of it, which gets no result of its
own, or other content under the same id, which gets one. Where the record that it belongs to is
pinned too, and has other content, it is no hint.
"""

import threading
import time
from collections.abc import Callable
from itertools import takewhile
from typing import Final

from producers.failure import ClientError
from producers.message import Message, fingerprint_of
from schemas.results import AnyResult

Name = tuple[str, str]
"""Source and id of a command."""

Place = tuple[int, int]
"""Partition and offset of a record."""

HEARD_MAX: Final = 2000
"""Results of one name that are kept, while the oldest of its records is pinned: under an id that is
used without end, that may be for ever."""


class Pending:
    """One sent record and what is known of it.

    `tell` is called whenever its place, its failure or its result is known.
    """

    __slots__ = (
        "_fingerprint",
        "failure",
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
        self.place: Place | None = None
        self.failure: ClientError | None = None
        self.result: AnyResult | None = None
        self.is_loose = False
        """Whether nobody may ever wait for it: past the limit such a one is forgotten first."""
        self.sent_at = time.perf_counter()
        self.seconds = 0.0
        self._fingerprint: str | None = ""  # not asked for yet

    @property
    def name(self) -> Name:
        """Source and id."""
        return self.message.source, self.message.id

    @property
    def fingerprint(self) -> str | None:
        """That of its content. The content is read for it once, and only where somebody asks."""
        if self._fingerprint == "":
            self._fingerprint = fingerprint_of(self.message)
        return self._fingerprint

    def settle(self, result: AnyResult) -> None:
        """Take this result as the answer."""
        if self.result is None:
            self.result = result
            self.seconds = time.perf_counter() - self.sent_at


class Namesakes:
    """The pinned records of one name, and the results of that name since the oldest was pinned.

    Each result is kept once for all of them, with the record that it belongs to. So a result costs
    the same however many share a name, and no content is read before somebody asks for hints.
    """

    __slots__ = ("_count", "_heard", "_owners", "_pinned")

    def __init__(self) -> None:
        self._pinned: dict[Pending, int] = {}
        """Each with how many results had been heard before it."""
        self._heard: dict[Place, tuple[int, AnyResult]] = {}
        self._owners: dict[Place, Pending] = {}
        """The pinned records by their places, and those unpinned whose results are still kept."""
        self._count = 0

    def __contains__(self, pending: Pending) -> bool:
        return pending in self._pinned

    @property
    def oldest(self) -> Pending | None:
        """The record that was pinned first, of those that are left."""
        return next(iter(self._pinned), None)

    def add(self, pending: Pending) -> None:
        """Pin one more."""
        self._pinned[pending] = self._count

    def remove(self, pending: Pending) -> None:
        """Unpin one, and forget the results that only those before the oldest have heard."""
        del self._pinned[pending]
        if pending.place and pending.place not in self._heard:
            self._owners.pop(pending.place, None)
        if (oldest := self.oldest) is None:
            return
        since = self._pinned[oldest]
        early = takewhile(lambda each: each[1][0] < since, self._heard.items())
        for place in [place for place, _ in early]:
            del self._heard[place]
            self._owners.pop(place, None)

    def place(self, pending: Pending, place: Place) -> None:
        """Note where a record stands, pinned or no more; its result may have been heard."""
        if place in self._heard:
            pending.settle(self._heard[place][1])
        elif pending not in self._pinned:
            return
        self._owners[place] = pending

    def at(self, place: Place) -> Pending | None:
        """The pinned record that stands there."""
        owner = self._owners.get(place)
        return owner if owner in self._pinned else None

    def hear(self, result: AnyResult) -> None:
        """Keep a result."""
        self._heard.setdefault(_place_of(result), (self._count, result))
        self._count += 1
        if len(self._heard) > HEARD_MAX:
            first = next(iter(self._heard))
            del self._heard[first]
            if self.at(first) is None:
                self._owners.pop(first, None)

    def heard(self, pending: Pending) -> list[tuple[AnyResult, Pending | None]]:
        """What was heard since this one was pinned, each with its record where that is known."""
        since = self._pinned[pending]
        return [
            (result, self._owners.get(place))
            for place, (turn, result) in self._heard.items()
            if turn >= since
        ]


class Board:
    """The records whose results are awaited, by source and id; at most `limit` of them.

    Past the limit the oldest that is loose is forgotten, else the oldest: whoever still waits for
    it asks where first answers are kept. Safe to use from several threads.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._pending: dict[Name, Namesakes] = {}
        self._ids: dict[str, int] = {}
        self._loose: dict[Pending, None] = {}
        self._count = 0

    def pin(self, pending: Pending) -> None:
        """Expect results for this record; call it before the record is sent."""
        with self._lock:
            if self._count >= self._limit:
                self._drop(self._oldest())
            if pending.is_loose:
                self._loose[pending] = None
            self._pending.setdefault(pending.name, Namesakes()).add(pending)
            self._ids[pending.message.id] = self._ids.get(pending.message.id, 0) + 1
            self._count += 1

    def unpin(self, pending: Pending) -> None:
        """Expect no more for this record."""
        with self._lock:
            self._drop(pending)

    def find(self, name: Name, place: Place) -> Pending | None:
        """The record pinned under this name that stands at (partition, offset)."""
        with self._lock:
            same = self._pending.get(name)
            return same.at(place) if same else None

    def expects(self, command_id: str) -> bool:
        """Whether any record of this id is awaited: cheap, before a result is decoded."""
        return command_id in self._ids

    def delivered(self, pending: Pending, partition: int, offset: int) -> None:
        """The broker has the record at this place; its result may have come before the report."""
        with self._lock:
            pending.place = (partition, offset)
            if same := self._pending.get(pending.name):
                same.place(pending, pending.place)
        pending.tell(pending)

    def failed(self, pending: Pending, failure: ClientError) -> None:
        """The broker does not have the record."""
        with self._lock:
            pending.failure = failure
        pending.tell(pending)

    def answered(self, result: AnyResult) -> None:
        """A result was read from the log."""
        with self._lock:
            same = self._pending.get((result.command.source or "", result.command.id))
            if same is None:
                return
            same.hear(result)
            owner = same.at(_place_of(result))
            if owner is None:
                return
            owner.settle(result)
        owner.tell(owner)

    def hints(self, pending: Pending) -> list[AnyResult]:
        """Results that were heard under its name and may be the first answer to it, in order."""
        with self._lock:
            same = self._namesakes(pending)
            heard = same.heard(pending) if same else []
        # The contents are read without the lock: whoever hears results does not wait for that.
        return [result for result, owner in heard if owner is None or _agree(owner, pending)]

    def _namesakes(self, pending: Pending) -> Namesakes | None:
        """Those that it is pinned with; None where it is not pinned."""
        same = self._pending.get(pending.name)
        return same if same is not None and pending in same else None

    def _oldest(self) -> Pending:
        """The one to be forgotten for the next."""
        loose = next(iter(self._loose), None)
        oldest = loose or next(iter(self._pending.values())).oldest
        assert oldest is not None, "a name is kept as long as it is pinned"
        return oldest

    def _drop(self, pending: Pending) -> None:
        same = self._namesakes(pending)
        if same is None:
            return
        same.remove(pending)
        self._loose.pop(pending, None)
        if same.oldest is None:
            del self._pending[pending.name]
        command_id = pending.message.id
        self._ids[command_id] -= 1
        if not self._ids[command_id]:
            del self._ids[command_id]
        self._count -= 1


def _agree(one: Pending, other: Pending) -> bool:
    """Whether two records of one name are the same command."""
    return one is other or one.fingerprint == other.fingerprint


def _place_of(result: AnyResult) -> Place:
    return result.command.partition, result.command.offset
