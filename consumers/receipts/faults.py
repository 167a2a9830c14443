"""Named points at which a test kills the maker of receipts (schemas/faults.py)."""

from typing import Final

from schemas.faults import Fuse

POINTS: Final = ("before-rename", "after-rename", "before-commit", "after-commit")

_fuse: Final = Fuse(POINTS)


def reached(point: str) -> None:
    """Pass a point; die here, as if by kill -9, if it is this one's turn."""
    _fuse.pass_by(point)
