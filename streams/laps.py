"""Where the time of a piece of work went, for the line of log at its end."""

import time


class Laps:
    """A clock that starts now. As a text "connected 12, read 30": milliseconds, in their order."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._laps: list[str] = []

    def lap(self, name: str) -> None:
        """A part is done: it took the time since the last one."""
        now = time.monotonic()
        self._laps.append(f"{name} {(now - self._at) * 1000:.0f}")
        self._at = now

    def __str__(self) -> str:
        """All of it."""
        return ", ".join(self._laps)
