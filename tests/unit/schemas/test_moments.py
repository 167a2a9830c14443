"""Moments have one text: UTC with three decimals."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.moments import in_milliseconds, of_broker


@given(st.integers(0, 253_402_300_799_999))
def test_a_broker_timestamp_is_read_back(timestamp_ms: int) -> None:
    """To the millisecond, until the year 9999."""
    moment = datetime.fromisoformat(of_broker(timestamp_ms))
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1) == timestamp_ms
    assert in_milliseconds(moment) == of_broker(timestamp_ms)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 20, 10, tzinfo=UTC), "2026-11-20T10:00:00.000Z"),
        (datetime(2026, 11, 20, 10, 0, 0, 999_999, UTC), "2026-11-20T10:00:00.999Z"),
        (
            datetime(2026, 11, 20, 13, 30, tzinfo=timezone(timedelta(hours=3, minutes=30))),
            "2026-11-20T10:00:00.000Z",
        ),
        (
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
            "0001-01-01T00:00:00+14:00",
        ),
    ],
)
def test_every_zone_is_told_in_utc(moment: datetime, text: str) -> None:
    """Cut to milliseconds; where the calendar has no UTC the moment is told as it came."""
    assert in_milliseconds(moment) == text
