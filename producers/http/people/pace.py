"""Paces by name: so many within a time, and after that as many as the time lets through.

The generic cell rate algorithm: one number a name, however high the pace, so that memory is bounded
by the names that are kept. In memory: every gateway process counts for itself.

The library `limits` was looked at (5.8): its memory never lets a name go, so that whoever makes up
names makes it grow, and it starts a timer's thread every 10 ms. Its Redis is no part of this house.
"""

import math
from collections import OrderedDict
from typing import Final

NAMES_MAX: Final = 100_000
"""Names that are kept, some 200 bytes each; the one not seen for longest is let go first."""


class Pace:
    """`most` within `seconds` of one monotonic clock, for each name; 0 lets everything through."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self._step = seconds / most if most else 0.0
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, now: float) -> int:
        """Count one, and give 0; or the whole seconds to wait where there were too many."""
        wait = self.wait(name, now)
        if not wait:
            self.count(name, now)
        return wait

    def wait(self, name: str, now: float) -> int:
        """The whole seconds until one more is let through; 0 when it is now."""
        early = self._full_at.get(name, now) + self._step - self.seconds - now
        # A thousandth is lost to rounding; nobody is told to wait so long.
        return math.ceil(early) if self.most and early > 1e-3 else 0  # noqa: PLR2004

    def count(self, name: str, now: float) -> None:
        """Count one."""
        if not self.most:
            return
        self._full_at[name] = max(self._full_at.get(name, now), now) + self._step
        self._full_at.move_to_end(name)
        if len(self._full_at) > NAMES_MAX:
            self._full_at.popitem(last=False)
