"""The vendored files of the description's pages: what the lock says, and nothing else."""

import re
from pathlib import Path

from producers.http.vendored import ASSETS, LOCK, OWN, asset, digest, locked


def test_files_are_what_the_lock_says() -> None:
    """A file that somebody has touched, or fetched from elsewhere, has another hash."""
    lines = list(locked())
    assert lines
    for line in lines:
        assert digest(line.path.read_bytes()) == line.sha256, line.path
        found = asset(line.name)
        assert found is not None
        assert found.is_kept


def test_nothing_else_lies_there() -> None:
    """Every file is of the lock, or ours."""
    known = {line.path for line in locked()} | {LOCK} | set((ASSETS / OWN).iterdir())
    assert {path for path in ASSETS.rglob("*") if path.is_file()} == known


def test_every_package_brings_its_licence() -> None:
    """As their authors ask."""
    lines = list(locked())
    for package in {line.package for line in lines}:
        assert any(line.package == package and line.file == "LICENSE" for line in lines)


def test_the_lock_names_no_address() -> None:
    """Packages and versions; where they come from is npm's own business."""
    text = LOCK.read_text(encoding="utf-8")
    for line in locked():
        text = text.replace(f"{line.package} ", "")  # one is called htmx.org
    assert not re.search(r"https?:|\w+\.(?:org|com|io)\b", text)


def test_no_name_leads_out_of_the_folder() -> None:
    """Names are looked up, never made paths."""
    own = Path(__file__).name
    for name in (f"own/../../{own}", "own/", "../assets/assets.lock", "assets.lock", "own/x.js"):
        assert asset(name) is None
