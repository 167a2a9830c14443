"""One who follows a wallet, with a database and an ear that do what a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from producers.http.errors import busy
from producers.http.live import follower as following
from producers.http.live import reading_changes
from producers.http.live.changes import Told
from producers.http.live.follower import QUEUED, Follower, Sign
from producers.http.reading import Reading

WALLET = "01930f6e-0000-7000-8000-000000000001"


class Journal:
    """A database with the changes 1 to `last`; it may be away."""

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.is_away = False
        self.reads = 0

    async def read(self, query: Callable[..., Any], wallet_id: str, after: int) -> list[Told]:
        """The next page."""
        assert (query, wallet_id) == (reading_changes.changes, WALLET)
        self.reads += 1
        if self.is_away:
            raise busy("away")
        return [change(each) for each in range(after + 1, self.last + 1)][: reading_changes.PAGE]


def change(sequence: int) -> Told:
    """A change as it is told."""
    return Told("change", WALLET, sequence, b"{}")


def followed(journal: Journal, after: int = 0) -> Follower:
    """A follower of that journal."""
    return Follower(WALLET, after, cast("Reading", cast("Any", journal)))


async def sequences(told: AsyncIterator[Told | Sign], count: int) -> list[int | Sign | None]:
    """The next that are told: sequences, None for a refusal, signs."""
    found: list[int | Sign | None] = []
    async with asyncio.timeout(30):
        async for each in told:
            found.append(each.sequence if isinstance(each, Told) else each)
            if len(found) == count:
                break
    return found


async def test_what_stands_is_told_page_by_page_then_what_comes() -> None:
    """Each once, though what came meanwhile was read too."""
    journal = Journal(2 * reading_changes.PAGE + 3)
    mine = followed(journal, after=1)
    for sequence in range(journal.last - 1, journal.last + 2):
        mine.offer(change(sequence))
    told = mine.told()
    assert await sequences(told, journal.last) == list(range(2, journal.last + 2))
    assert journal.reads == 3


async def test_a_gap_is_filled_from_the_database() -> None:
    """Where it is away, nothing is told until it is back: never a change before its time."""
    journal = Journal()
    mine = followed(journal)
    told = mine.told()
    mine.offer(change(1))
    assert await sequences(told, 1) == [1]
    journal.last = 4
    mine.offer(change(4))
    assert await sequences(told, 3) == [2, 3, 4]
    journal.is_away = True
    mine.offer(change(7))
    mine.offer(Told("rejected", WALLET, None, b"{}"))
    assert await sequences(told, 1) == [None]
    journal.is_away, journal.last = False, 8
    mine.offer(change(8))
    assert await sequences(told, 4) == [5, 6, 7, 8]


async def test_what_comes_late_or_twice_is_not_told_again() -> None:
    """As after a crash of the worker: its last batch is published once more."""
    mine = followed(Journal(5))
    told = mine.told()
    assert await sequences(told, 5) == [1, 2, 3, 4, 5]
    for sequence in (3, 4, 5, 6, 6, 5, 7):
        mine.offer(change(sequence))
    assert await sequences(told, 2) == [6, 7]


async def test_who_takes_too_little_is_told_so_and_may_go_on_later() -> None:
    """What waits is bounded; what came while it caught up does not count."""
    journal = Journal(1)
    mine = followed(journal)
    told = mine.told()
    mine.offer(change(2))
    assert await sequences(told, 2) == [1, 2]
    for sequence in range(3, QUEUED + 4):
        mine.offer(change(sequence))
    assert await sequences(told, 2) == [Sign.SLOW]
    journal.last = QUEUED + 3
    again = followed(journal, after=mine.sequence)
    for sequence in range(3, QUEUED + 4):
        again.offer(change(sequence))
    assert await sequences(again.told(), QUEUED + 1) == list(range(3, QUEUED + 4))


async def test_a_silence_has_beats_and_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should Kafka be silent, the database has it."""
    monkeypatch.setattr(following, "BEAT_SECONDS", 0.01)
    journal = Journal()
    told = followed(journal).told()
    assert await sequences(told, 1) == [Sign.BEAT]
    journal.last = 2
    found = await sequences(told, 3)
    assert [each for each in found if each is not Sign.BEAT] == [1, 2][: len(found)]


async def test_the_end_is_told_to_who_waits() -> None:
    """And to who is just catching up."""
    mine = followed(Journal())
    told = mine.told()
    waiting = asyncio.create_task(sequences(told, 2))
    await asyncio.sleep(0)  # lets it begin to wait
    mine.end()
    assert await waiting == [Sign.STOP]
    late = followed(Journal(5))
    late.end()
    assert await sequences(late.told(), 2) == [Sign.STOP]
