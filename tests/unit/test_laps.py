"""Where the time of a piece of work went."""

import pytest

from streams.laps import Laps


def test_each_part_is_told_with_its_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, from one to the next; parts that are none are none."""
    moments = iter([10.0, 10.012, 10.5])
    monkeypatch.setattr("streams.laps.time.monotonic", lambda: next(moments))
    laps = Laps()
    assert str(laps) == ""
    laps.lap("connected")
    laps.lap("read")
    assert str(laps) == "connected 12, read 488"
