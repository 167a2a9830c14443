"""What batches take of Python's memory, told by a process that traces from its start to its end.

Before Python 3.12.9, `tracemalloc.stop()` ends a process now and then, where other threads have
memory at that moment (python/cpython#128679); so nobody stops it here.
"""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from schemas.decoding import Decoded, decode
from schemas.settings import Settings
from streams import asked
from tests.meters import COMMANDS, MIXES, Desk, Source, maker, warm
from tests.paper import PaperRecord

ROUNDS: Final = 4
"""Batches of each kind; the least counts, as what happens beside them adds to it."""


def main(file: Path) -> None:
    """Write down the bytes of a command by mix, and of a sale with the planted waste, as JSON."""
    settings = Settings()
    source = Source(settings)
    with closing(Desk(settings)) as desk:
        desk.batch(source.opening())
        warm(desk, source)
        took = {mix: _of(desk, maker(source, mix)) for mix in MIXES}
        vars(asked)["decode"] = _keeping()
        took["planted"] = _of(desk, maker(source, "sale"))
    file.write_text(json.dumps(took), encoding="utf-8")


def _of(desk: Desk, make: Callable[[int], list[PaperRecord]]) -> float:
    """Bytes that a command takes at the worst moment of its batch, the least of some batches."""
    return min(desk.memory(make(COMMANDS)) for _ in range(ROUNDS)) / COMMANDS


def _keeping() -> Callable[..., Decoded]:
    """What was read of each record stays until the end, for nothing."""
    kept: list[object] = []

    def keeping(key: bytes | None, value: bytes | None, headers: object) -> Decoded:
        kept.append([json.loads(value or b"{}") for _ in range(3)])
        return decode(key, value, headers)  # type: ignore[arg-type]

    return keeping


if __name__ == "__main__":
    main(Path(sys.argv[1]))
