"""Reads that go to the database together, and the access log's lines."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from producers.http.access_log import AccessLog
from producers.http.errors import EarlyError, busy
from producers.http.reading import Reading
from producers.http.together import MOST, Together


class Slow:
    """A database that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.failure: EarlyError | None = None

    async def read(self, query: object, keys: Sequence[str]) -> dict[str, str]:
        """What there is of these: all but "none"."""
        assert query is _query
        self.asked.append(sorted(keys))
        self.was_asked.set()
        await self.may_answer.wait()
        if self.failure:
            raise self.failure
        return {key: f"{key} {len(self.asked)}" for key in keys if key != "none"}


def _query(*_: object) -> dict[str, str]:
    raise AssertionError


def together(slow: Slow) -> Together[str]:
    """Reads of that database."""
    return Together(cast("Reading", cast("Any", slow)), _query)


async def test_who_comes_later_sees_what_is_later() -> None:
    """The first goes at once, all that come meanwhile go as one after it, each key once."""
    slow = Slow()
    reads = together(slow)
    first = asyncio.create_task(reads.read("a"))
    await asyncio.wait_for(slow.was_asked.wait(), 30)
    later = [asyncio.create_task(reads.read(key)) for key in ("a", "b", "a", "none")]
    gone = asyncio.create_task(reads.read("gone"))
    await asyncio.sleep(0)  # lets them wait
    gone.cancel()
    slow.may_answer.set()
    assert await asyncio.wait_for(first, 30) == "a 1"
    assert await asyncio.gather(*later) == ["a 2", "b 2", "a 2", None]
    assert slow.asked == [["a"], ["a", "b", "none"]]


async def test_statements_have_a_limit() -> None:
    """Those that are too many go with the next one."""
    slow = Slow()
    slow.may_answer.set()
    reads = together(slow)
    found = await asyncio.gather(*(reads.read(str(number)) for number in range(MOST + 1)))
    assert len(found) == MOST + 1
    assert [len(each) for each in slow.asked] == [MOST, 1]


async def test_a_database_that_is_away_is_told_to_all() -> None:
    """And asked again by who comes then."""
    slow = Slow()
    slow.may_answer.set()
    slow.failure = busy("away")
    reads = together(slow)
    found = await asyncio.gather(*(reads.read(key) for key in "ab"), return_exceptions=True)
    assert all(isinstance(each, EarlyError) for each in found)
    slow.failure = None
    assert await reads.read("a") == "a 2"


async def test_lines_of_the_access_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Values with blanks or signs of their own stand in quotes; nothing ends a line early."""
    log = AccessLog()
    log.add(request_id="r-1", method="GET", path="/x", status=200, ms=1.25, peer="::1")
    log.add(
        request_id="r=2", method="GET", path='/x?a="b\\', status=404, ms=0, peer=None, who="user:1"
    )
    assert capsys.readouterr().err == ""
    log.flush()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" level=info event=request ")[2] for line in lines] == [
        "id=r-1 method=GET path=/x status=200 ms=1.2 peer=::1",
        r'id="r=2" method=GET path="/x?a=\"b\\" status=404 ms=0.0 peer= who=user:1',
    ]
    assert all(line.startswith("timestamp=20") for line in lines)
