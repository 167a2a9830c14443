"""Rules of the house that no tool of `make check` holds."""

import re
from itertools import pairwise
from pathlib import Path

ROOMS = {"schemas", "streams", "producers", "consumers", "wallet"}
OTHER_FOLDERS = {"tests", "docs", "deploy", ".ci"}
NAMELESS = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
LONGEST_FILE = 400

# Put together from halves, so that this file does not break the rule that it holds.
REGISTRIES = [
    f"{name}.{top}"
    for name, top in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("maven", "org"),
        ("maven", "apache.org"),
        ("docker", "io"),
        ("ghcr", "io"),
    )
]
MACHINE_PATH = re.compile(r"""(?:^|[\s"'`=:(,])/(?:home|root|Users|work)/[\w.-]+""", re.MULTILINE)
BLANKET = re.compile(
    r"#\s*(?:noqa(?!:\s?[A-Z]+\d)|type:\s?ignore(?!\[)|(?:ruff|flake8):\s?noqa|mypy:\s?ignore-errors)"
)
SLEEP = re.compile(r"\b(?:time|asyncio)\.sleep\(|^from (?:time|asyncio) import .*\bsleep\b")

Files = dict[Path, str]


def _code(files: Files) -> Files:
    return {path: text for path, text in files.items() if path.suffix == ".py"}


def test_first_level_folders_are_the_known_rooms(files: Files) -> None:
    """A newcomer finds every folder of the first level in docs/ARCHITECTURE.md."""
    assert {path.parts[0] for path in files if len(path.parts) > 1} <= ROOMS | OTHER_FOLDERS


def test_every_room_says_what_it_is(files: Files) -> None:
    """The docstring of a package is its sign at the door."""
    for room in ROOMS:
        assert files[Path(room, "__init__.py")].startswith('"""'), room


def test_every_room_says_that_it_is_typed(files: Files) -> None:
    """Else the type checker of whoever uses it looks away (PEP 561)."""
    for room in ROOMS:
        assert Path(room, "py.typed") in files, room


def test_no_file_or_folder_is_a_drawer_for_anything(files: Files) -> None:
    """One noun, one file: `utils` and its like name nothing."""
    parts = {part.split(".")[0].strip("_"): path for path in files for part in path.parts}
    assert {name: path for name, path in parts.items() if name in NAMELESS} == {}


def test_code_files_stay_short(files: Files) -> None:
    """A file that outgrows its limit holds two nouns."""
    lengths = {path: len(text.splitlines()) for path, text in _code(files).items()}
    assert {path: n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def test_a_silenced_check_names_what_it_silences(files: Files) -> None:
    """No blanket suppression, neither on a line nor for a whole file."""
    found = {path: BLANKET.findall(text) for path, text in _code(files).items()}
    assert {path: hits for path, hits in found.items() if hits} == {}


def test_every_sleep_gives_its_reason(files: Files) -> None:
    """Where an event can be awaited it is; a sleep that stays has a comment on it or above it."""
    unexplained = []
    for path, text in _code(files).items():
        if path.parts[0] not in ROOMS:
            continue
        lines = ["", *text.splitlines()]
        unexplained += [
            f"{path}:{number}"
            for number, (above, line) in enumerate(pairwise(lines), 1)
            if SLEEP.search(line) and "#" not in line and not above.lstrip().startswith("#")
        ]
    assert unexplained == []


def test_no_registry_and_no_path_of_one_machine(files: Files) -> None:
    """A clone behind a mirror, in another folder, under another user behaves the same."""
    for path, text in files.items():
        named = [host for host in REGISTRIES if host in text]
        assert not named, f"{path} names {named}"
        assert not MACHINE_PATH.findall(text), f"{path}: {MACHINE_PATH.findall(text)}"


def test_changelog_has_an_unreleased_section(files: Files) -> None:
    """What a change does for its users is written down with the change."""
    assert re.search(
        r"^## \[Unreleased\]\n+### \w+\n+- ", files[Path("CHANGELOG.md")], re.MULTILINE
    )


def test_the_build_server_runs_make_test_and_nothing_else(files: Files) -> None:
    """What is green there is green at home, by the same command; before it, two tools of tests."""
    lines = [line for line in files[Path(".ci/run")].splitlines() if not line.startswith("#")]
    assert lines[-1] == "exec make test"
    before = "\n".join(lines[:-1])
    assert re.findall(r"\b(?:make|pytest|wallet|python)\b", before) == []
    assert re.findall(r"install (?:-\S+ )*([^;]+);", before) == ["chromium kcat"]
