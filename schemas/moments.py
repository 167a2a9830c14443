"""Moments as text: UTC, three decimals of a second, as "2026-11-20T10:00:00.123Z"."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=1024)
def _second(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)  # a drain's records come by the thousand in the same millisecond
def of_broker(timestamp_ms: int) -> str:
    """The text of a record's timestamp, in milliseconds since 1970."""
    return f"{_second(timestamp_ms // 1000)}.{timestamp_ms % 1000:03d}Z"


def in_milliseconds(moment: datetime) -> str:
    """The text of a moment that knows its zone; what is finer than a millisecond is cut off."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # a moment at the rim of the calendar has no UTC
        return moment.isoformat()
    return f"{utc.replace(microsecond=0, tzinfo=None).isoformat()}.{utc.microsecond // 1000:03d}Z"
