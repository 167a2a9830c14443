"""The Makefile hears which interpreter is said, also where a .venv is there already."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = (
    "requirements-uv.lock",
    "requirements.lock",
    "pyproject.toml",
    ".venv/bin/uv",
    ".venv/.made",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile and a .venv of this interpreter that is as new as it has to be."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for second, name in enumerate(MADE):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (second, second))
    return tmp_path


def make(checkout: Path, *words: str) -> tuple[int, str]:
    """Run make; its exit code and what it complains of. Nothing is handed down by a make above."""
    above = ("PYTHON", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    own = {name: value for name, value in os.environ.items() if name not in above}
    done = subprocess.run(
        ["make", *words],  # noqa: S607 - the one that is found is meant
        cwd=checkout,
        env=own,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_the_interpreter_of_the_venv_is_taken(checkout: Path) -> None:
    """Said by whatever name, or not said."""
    assert make(checkout, "setup") == (0, "")
    assert make(checkout, "setup", f"PYTHON={sys.executable}") == (0, "")
    assert make(checkout, "setup", f"PYTHON={Path(sys.executable).resolve()}") == (0, "")


def test_another_interpreter_is_not_silently_left_out(checkout: Path) -> None:
    """It says how the .venv is made anew."""
    other = checkout / "python3.99"
    other.write_text("#!/bin/sh\necho another one\n")
    other.chmod(0o755)
    code, said = make(checkout, "setup", f"PYTHON={other}")
    assert code == 2
    assert f"make clean setup PYTHON={other}" in said


def test_an_interpreter_that_is_not_there_is_said_before_anything_is_removed(
    checkout: Path,
) -> None:
    """And not that the .venv should go for it."""
    code, said = make(checkout, "setup", "PYTHON=python3.99")
    assert code == 2
    assert "python3.99 is not installed" in said
    assert "make clean" not in said
