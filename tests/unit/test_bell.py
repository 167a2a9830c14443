"""The bell looks by itself, whoever rings."""

import itertools
import os
import threading
import time
from typing import Any, ClassVar, cast

import pytest

from schemas.settings import Settings
from streams import bell
from streams.bell import Bell


class _Rung:
    """A connection on which others ring, more often than the bell looks."""

    def __init__(self) -> None:
        self._heard, self._ringing = os.pipe()
        self.notifies: list[Any] = []
        self.looks = 0

    def fileno(self) -> int:
        return self._heard

    def ring(self) -> None:
        os.write(self._ringing, b"!")

    def poll(self) -> None:
        os.read(self._heard, 100)
        self.notifies.append(_Note)

    def execute(self, _query: str) -> None:
        self.looks += 1

    def fetchall(self) -> list[tuple[int]]:
        return [(7,)]

    def close(self) -> None:
        os.close(self._heard)
        os.close(self._ringing)


class _Note:
    payload: ClassVar[str] = "3"


class _Slow(_Rung):
    """A server that takes longer to look than there is between two looks."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_at: list[tuple[float, float]] = []

    def execute(self, query: str) -> None:
        began = time.monotonic()
        super().execute(query)
        time.sleep(0.3)
        self.looked_at.append((began, time.monotonic()))


def test_it_rests_between_looks_that_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look would follow on the other, and keep the server busy when it is slow already."""
    monkeypatch.setattr(bell, "TICK_SECONDS", 0.2)
    listening, slow = Bell(Settings(), lambda _: None, lambda *_: None), _Slow()
    slow.ring()
    try:
        while slow.looks < 3:
            slow.ring()  # so that there is something to hear
            listening._await(cast("Any", slow), cast("Any", slow))  # noqa: SLF001 - one turn of it
    finally:
        slow.close()
    pairs = itertools.pairwise(slow.looked_at)
    assert all(begun - ended >= 0.2 for (_, ended), (begun, _) in pairs)


def test_it_looks_while_bells_ring_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who committed an event for partition 7 died before it rang; others ring for partition 3."""
    monkeypatch.setattr(bell, "TICK_SECONDS", 0.2)
    woken: list[int] = []
    listening = Bell(Settings(), woken.extend, lambda *_: None)
    rung = _Rung()
    ended = threading.Event()

    def ring() -> None:
        while not ended.wait(0.02):
            rung.ring()

    rings = threading.Thread(target=ring)
    rings.start()
    try:
        deadline = time.monotonic() + 30
        while rung.looks < 3:
            listening._await(cast("Any", rung), cast("Any", rung))  # noqa: SLF001 - one turn of it
            assert time.monotonic() < deadline, "it never looked"
    finally:
        ended.set()
        rings.join()
        rung.close()
    assert {3, 7} == set(woken)
