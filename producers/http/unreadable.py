"""Requests that aiohttp's parser refuses: counted, and told by a line a minute at most.

They never come to the door, so nothing paces them, and aiohttp would log each with a traceback: a
stranger could write the disk full of them.
"""

import logging
import time
from typing import Final

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import Counter

from producers.metrics import REGISTRY

PAUSE_SECONDS: Final = 60.0
"""Between two lines about them."""

log: Final = structlog.get_logger(__name__)

_UNREADABLE: Final = Counter(
    "wallet_http_unreadable",
    "Requests that have a wrong line or header, or too long a one: refused with 400 unread.",
    registry=REGISTRY,
)


class Unreadable(logging.Filter):
    """Takes from a logger what callers are to blame for; what else it says stays."""

    def __init__(self) -> None:
        super().__init__()
        self._untold = 0
        self._told_at: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be logged. The first refusal is told at once."""
        error = record.exc_info[1] if record.exc_info else None
        if not (isinstance(error, HttpProcessingError) and 400 <= error.code < 500):  # noqa: PLR2004
            return True
        _UNREADABLE.inc()
        self._untold += 1
        now = time.monotonic()
        if self._told_at is None or now - self._told_at >= PAUSE_SECONDS:
            peer, *_ = record.args if isinstance(record.args, tuple) and record.args else ("",)
            # The words of the error hold what came, up to 8 KB of it.
            why = type(error).__name__
            log.warning("requests cannot be read", requests=self._untold, last=why, peer=peer)
            self._untold, self._told_at = 0, now
        return False


def server_log() -> logging.Logger:
    """A logger for one server of aiohttp's; how much it says follows that of aiohttp.server."""
    made = logging.Logger("aiohttp.server")  # noqa: LOG001 - a filter of its own, nobody else's
    made.parent = logging.getLogger("aiohttp.server")
    made.addFilter(Unreadable())
    return made
