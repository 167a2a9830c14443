"""Named points at which a test kills the process: WALLET_FAULT="point:n" dies at the n-th pass.

Off unless asked for; then a pass costs one comparison a batch.
"""

import os
import signal
from typing import Final

POINTS: Final = (
    "before-database-write",
    "before-database-commit",
    "after-database-commit",
    "before-kafka-commit",
    "after-kafka-commit",
    "inside-claim",
)


class _Fuse:
    def __init__(self, said: str) -> None:
        self.point, _, count = said.partition(":")
        self.left = int(count or 1)
        if said and self.point not in POINTS:
            raise ValueError(
                f"WALLET_FAULT: no point {self.point!r}; there are {', '.join(POINTS)}"
            )


_fuse: Final = _Fuse(os.environ.get("WALLET_FAULT", ""))


def armed() -> bool:
    """Whether any point is to be hit: the commit is then sent apart from the write."""
    return bool(_fuse.point)


def reached(point: str) -> None:
    """Pass a point; die here, as if by kill -9, if it is this one's turn."""
    if _fuse.point != point:
        return
    _fuse.left -= 1
    if _fuse.left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
