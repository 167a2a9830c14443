"""The access log: a line a request in the form of all other logs (logfmt), written some at a time.

A line through the logger costs more than routing the request; here it is put together by hand and
waits a moment for others. Whatever else is logged goes its usual way, at once.
"""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Histogram

from producers.metrics import REGISTRY

PAUSE_SECONDS: Final = 0.2
"""How long a line may wait; a crash may take the last ones along."""

MOST: Final = 1000
"""Lines that wait at most."""

PATH_MAX: Final = 256

_SECONDS: Final = Histogram(
    "wallet_http_request_seconds",
    "Requests answered, and how long each took.",
    ["method", "status"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=REGISTRY,
)


class AccessLog:
    """The access log of one process, on stderr."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(  # noqa: PLR0913 - what stands in a line
        self,
        *,
        request_id: str,
        method: str,
        path: str,
        status: int,
        ms: float,
        peer: str | None,
        who: str | None = None,
    ) -> None:
        """Note an answered request; call it in the event loop."""
        _SECONDS.labels(method, f"{status // 100}xx").observe(ms / 1000)
        if not self._lines:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self.flush)
        now = datetime.now(UTC).isoformat(timespec="microseconds")[:-6]
        self._lines.append(
            f"timestamp={now}Z level=info event=request id={_said(request_id)} method={method}"
            f" path={_said(path[:PATH_MAX])} status={status} ms={ms:.1f} peer={peer or ''}"
            f"{'' if who is None else f' who={_said(who)}'}\n"
        )
        if len(self._lines) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._lines:
            sys.stderr.write("".join(self._lines))
            sys.stderr.flush()
            self._lines.clear()


def _said(value: str) -> str:
    """A value as logfmt has it: in quotes where it would not end where it ends."""
    if value.isalnum():
        return value
    if '"' in value or "\\" in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    return f'"{value}"' if " " in value or "=" in value else value
