"""Clocks that can be stepped, each for the processes of one program, while they run.

A machine's clock cannot be set for a few of its processes, so a small library (clock.c) is
preloaded into them, which adds to the time what stands in a file. It needs a C compiler. The
library faketime of Debian was tried and is not used: with its 0.9.10 every sleep fails once the
clock has been stepped and clocks that never jump are left alone.
"""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

from wallet.failure import Failure

SOURCE: Final = Path(__file__).with_name("clock.c")
COMPILE_SECONDS: Final = 60
_SECOND: Final = 1_000_000_000
_NANOSECONDS: Final = struct.Struct("=q")


class SteppedClocks:
    """A folder with one clock for each program named, e.g. "postgres"; all are right at first.

    Raises:
        Failure: there is no C compiler, or it refuses.

    """

    def __init__(self, folder: Path, *programs: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL may have an account of its own
        self._library = folder / "clock.so"
        self._folder = folder
        _compile(self._library)
        self._clocks = {program: _opened(folder / program) for program in programs}

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs whose clock is one of these."""
        return {"LD_PRELOAD": str(self._library), "TORTURE_CLOCKS": str(self._folder)}

    def set_ahead(self, program: str, seconds: float) -> None:
        """Step a clock to so many seconds ahead of the true time; negative is behind."""
        _NANOSECONDS.pack_into(self._clocks[program], 0, round(seconds * _SECOND))

    def ahead(self, program: str) -> float:
        """How many seconds a clock is ahead."""
        found: int = _NANOSECONDS.unpack_from(self._clocks[program])[0]
        return found / _SECOND

    def close(self) -> None:
        """Set all right, and let them go."""
        for program in list(self._clocks):
            self.set_ahead(program, 0.0)
            self._clocks.pop(program).close()


def _opened(file: Path) -> mmap.mmap:
    file.write_bytes(_NANOSECONDS.pack(0))
    file.chmod(0o644)
    with file.open("r+b") as found:
        return mmap.mmap(found.fileno(), _NANOSECONDS.size)


def why_not() -> str | None:
    """Why there can be no such clocks here; None where there can."""
    if _compiler() is None:
        return "clocks are stepped by a small C library, and no C compiler is here (cc)"
    return None


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _compile(library: Path) -> None:
    compiler = _compiler()
    if compiler is None:
        raise Failure(why_not() or "")
    command = (compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl")
    done = subprocess.run(  # noqa: S603 - our own source
        command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False
    )
    if done.returncode != 0:
        raise Failure(f"{compiler} refuses {SOURCE}: {done.stderr.strip()[:500]}")
