"""The folder of receipts: a file is there whole or not at all, and stays when the power fails."""

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from consumers.receipts.faults import reached
from schemas import receipts

MAKING: Final = ".making"
"""Where files are written before they get their names; of the same file system, so in there."""


class Shelf:
    """One writer of the folder. Methods raise OSError."""

    def __init__(self, folder: Path, slot: str) -> None:
        self._folder = folder
        # Whoever had our slot before us may still be at it, if we are believed to be dead.
        self._making = folder / MAKING / f"{slot}.{secrets.token_hex(4)}"
        for left in (folder / MAKING).glob(f"{slot}.*"):
            shutil.rmtree(left, ignore_errors=True)
        self._making.mkdir(parents=True)

    def has(self, name: str) -> bool:
        """Whether a receipt is there."""
        return receipts.place_of(self._folder, name).exists()

    def put(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Add receipts by name; when it returns they survive a loss of power."""
        days = {self._put(name, content) for name, content in files}
        for folder in (*days, *([self._folder] if days else [])):
            _sync(folder)

    def close(self) -> None:
        """Leave nothing half made."""
        shutil.rmtree(self._making, ignore_errors=True)

    def _put(self, name: str, content: bytes) -> Path:
        place = receipts.place_of(self._folder, name)
        place.parent.mkdir(exist_ok=True)
        made = self._making / name
        with made.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        reached("before-rename")
        made.replace(place)
        reached("after-rename")
        return place.parent


def _sync(folder: Path) -> None:
    """Have the names in a folder written."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
