"""Named points at which a test kills a worker (schemas/faults.py)."""

from typing import Final

from schemas.faults import Fuse

POINTS: Final = (
    "before-database-write",
    "before-database-commit",
    "after-database-commit",
    "before-kafka-commit",
    "after-kafka-commit",
    "inside-claim",
)

_fuse: Final = Fuse(POINTS)


def armed() -> bool:
    """Whether any point is to be hit: the commit is then sent apart from the write."""
    return _fuse.is_armed


def reached(point: str) -> None:
    """Pass a point; die here, as if by kill -9, if it is this one's turn."""
    _fuse.pass_by(point)
