"""Moments as Django REST writes them: "2026-11-20T10:00:00Z", microseconds where there are any."""

from datetime import UTC, datetime
from typing import Final

TOO_LATE: Final = "Ensure this time is before the year 9999."


def shown(moment: datetime) -> str:
    """A moment's text."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def of_text(text: str) -> str:
    """The same of a moment as the ledger writes it."""
    return shown(datetime.fromisoformat(text))


def why_beyond(moment: datetime, past: str) -> str:
    """Why the ledger has no text for a moment: it is long `past`, or too far away."""
    return past if moment < datetime.now(UTC) else TOO_LATE


def of_id(transaction_id: str) -> datetime:
    """When the command of a transaction was recorded: its id begins with the milliseconds."""
    stamp = int(transaction_id[:8] + transaction_id[9:13], 16)
    return datetime.fromtimestamp(stamp // 1000, UTC).replace(microsecond=stamp % 1000 * 1000)
