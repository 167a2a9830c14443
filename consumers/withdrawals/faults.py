"""Named points at which a test kills the bank caller (schemas/faults.py)."""

from typing import Final

from schemas.faults import Fuse

POINTS: Final = (
    "before-bank-call",
    "after-bank-call",
    "before-bank-record",
    "after-bank-record",
    "before-bank-command",
    "after-bank-command",
)

_fuse: Final = Fuse(POINTS)


def reached(point: str) -> None:
    """Pass a point; die here, as if by kill -9, if it is this one's turn."""
    _fuse.pass_by(point)
