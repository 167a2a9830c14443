"""Named points at which a test kills a process: WALLET_FAULT="point:n" dies at the n-th pass.

Each process has points of its own. Off unless asked for; then a pass costs one comparison.
"""

import os
import signal
from collections.abc import Sequence
from typing import Final

VARIABLE: Final = "WALLET_FAULT"


class Fuse:
    """Burns through at the pass that the environment names. Raises ValueError for no point."""

    def __init__(self, points: Sequence[str]) -> None:
        said = os.environ.get(VARIABLE, "")
        self._point, _, count = said.partition(":")
        self._left = int(count or 1)
        if said and self._point not in points:
            raise ValueError(f"{VARIABLE}: no point {self._point!r}; there are {', '.join(points)}")

    @property
    def is_armed(self) -> bool:
        """Whether any point is to be hit."""
        return bool(self._point)

    def pass_by(self, point: str) -> None:
        """Pass a point; die here, as if by kill -9, if it is this one's turn."""
        if self._point != point:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
