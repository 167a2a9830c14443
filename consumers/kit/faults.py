"""Named points at which a test kills a consumer (schemas/faults.py)."""

from functools import cache
from typing import Final

from schemas.faults import Fuse

POINTS: Final = ("before-commit", "after-commit")


@cache
def _fuse() -> Fuse:
    """Laid when the first point is passed: processes with other points import this room too."""
    return Fuse(POINTS)


def reached(point: str) -> None:
    """Pass a point; die here, as if by kill -9, if it is this one's turn."""
    _fuse().pass_by(point)
