"""The environment is exactly what the locks say, and they hold no address."""

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ["requirements.lock", "requirements-uv.lock", "deploy/requirements.lock"]
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL
)
ADDRESS = re.compile(r"://|^\s*-(?:-index-url|-extra-index-url|-find-links|i|f)\b", re.MULTILINE)

Files = dict[Path, str]


def _pins(lock: str) -> dict[str, tuple[str, str]]:
    """Version and the rest of the entry (marker, hashes) by canonical name."""
    return {canonicalize_name(name): (version, rest) for name, version, rest in PIN.findall(lock)}


def _asked(pyproject: str) -> Iterator[Requirement]:
    """Every requirement of pyproject.toml that requirements.lock must answer."""
    said = tomllib.loads(pyproject)
    groups = [said["project"]["dependencies"], *said["dependency-groups"].values()]
    for line in (line for group in groups for line in group if isinstance(line, str)):
        if not line.startswith("uv=="):
            yield Requirement(line)


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes(files: Files, name: str) -> None:
    """A changed file on an index is refused, whatever the index says."""
    pins = _pins(files[Path(name)])
    assert pins
    assert [pin for pin, (_, rest) in pins.items() if "--hash=sha256:" not in rest] == []


def test_no_lock_holds_an_address(files: Files) -> None:
    """Where packages come from is the user's choice, not the repository's."""
    locks = {path: text for path, text in files.items() if path.suffix == ".lock"}
    assert {Path(name) for name in LOCKS} <= set(locks)
    for path, text in locks.items():
        assert not ADDRESS.search(text), path


def test_the_lock_answers_pyproject(files: Files) -> None:
    """A requirement changed without `make lock` is seen here."""
    pins = _pins(files[Path("requirements.lock")])
    asked = list(_asked(files[Path("pyproject.toml")]))
    assert asked
    for requirement in asked:
        version, _ = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), requirement


def test_the_image_runs_the_versions_that_were_tested(files: Files) -> None:
    """The image's lock is a part of the whole lock and holds no test tool."""
    whole, image = (_pins(files[Path(name)]) for name in ("requirements.lock", LOCKS[2]))
    assert {name: pin[0] for name, pin in image.items()}.items() <= {
        name: pin[0] for name, pin in whole.items()
    }.items()
    assert not {"pytest", "ruff", "mypy"} & set(image)


def test_hooks_before_a_commit_fetch_nothing(files: Files) -> None:
    """Every hook is a tool of .venv, so it has the version of the lock."""
    said = yaml.safe_load(files[Path(".pre-commit-config.yaml")])
    assert {repository["repo"] for repository in said["repos"]} == {"local"}
    hooks = [hook for repository in said["repos"] for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)


def test_the_wheel_carries_every_file_of_the_rooms(
    files: Files, root: Path, tmp_path: Path
) -> None:
    """Migrations, the jar lock and settings travel with the code, so the image has them too."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {Path(name) for name in archive.namelist()}
    rooms = {"schemas", "streams", "producers", "consumers", "wallet"}
    assert {path for path in files if path.parts[0] in rooms} <= packed
    assert not {path.parts[0] for path in packed} & {"tests", "docs", "deploy"}
