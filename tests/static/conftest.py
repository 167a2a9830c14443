"""What the static tests look at: the repository, without what make and runs put there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = {"__pycache__", "build", "dist", "htmlcov"}
KEPT_HIDDEN = {".ci"}


def _walk() -> Iterator[Path]:
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [
            name
            for name in inner
            if name in KEPT_HIDDEN or (name not in MADE and not name.startswith("."))
        ]
        yield from (Path(folder, name).relative_to(ROOT) for name in names)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def files() -> dict[Path, str]:
    """Text of every text file by its path from the root; files that are not UTF-8 are left out."""
    texts = {}
    for path in sorted(_walk()):
        try:
            texts[path] = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return texts
