"""What the pages for people say must be so: links, paths, commands, settings, codes."""

import json
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from click import Context
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings
from typer.main import get_command
from typer.testing import CliRunner

from producers.http.v1.codes import CODES
from schemas.refusals import DETAILS, Code
from schemas.settings import Settings
from wallet.cli import app
from wallet.pretend_bank.settings import PretendBankSettings

Files = dict[Path, str]

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TICKED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
FUNCTION = re.compile(r"\w+\(\)")
SUFFIXES = {".py", ".md", ".sql", ".toml", ".yml", ".lock", ".json"}
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
VARIABLE = re.compile(r"\bWALLET_[A-Z_]+\b")
SPOKEN = re.compile(r"^ +wallet ([^#\n]*)", re.MULTILINE)
OTHER_VARIABLES = {"WALLET_FAULT", "WALLET_POSTGRES_PASSWORD", "WALLET_KAFKA_PORT"}
"""Read by streams.faults and by docker-compose.yml, not by the settings."""


def _pages(files: Files) -> Files:
    ours = {Path("README.md"), Path("CONTRIBUTING.md"), Path("CHANGELOG.md")}
    return {
        path: text
        for path, text in files.items()
        if path in ours or (path.parts[0] == "docs" and path.suffix == ".md")
    }


def _anchors(text: str) -> set[str]:
    """The anchors that a forge gives to a page's headings."""
    kept = [re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(text)]
    return {title.strip().replace(" ", "-") for title in kept}


def _is_dead(root: Path, files: Files, page: Path, target: str) -> bool:
    place, _, anchor = target.partition("#")
    aim = (root / page.parent / place).resolve() if place else root / page
    if not aim.exists():
        return True
    return bool(anchor) and anchor not in _anchors(files[aim.relative_to(root)])


def test_links_lead_somewhere(root: Path, files: Files) -> None:
    """Every relative link in README and docs leads to a file, and its anchor to a heading."""
    dead = [
        (str(page), target)
        for page, text in _pages(files).items()
        for target in LINK.findall(FENCE.sub("", text))
        if "://" not in target and _is_dead(root, files, page, target)
    ]
    assert dead == []


def test_paths_exist(root: Path, files: Files) -> None:
    """Every path in backticks is there, seen from the root of the repository."""
    rooms = {path.parts[0] for path in files if len(path.parts) > 1}
    gone = []
    for page, text in _pages(files).items():
        for said in filter(PATH.fullmatch, TICKED.findall(FENCE.sub("", text))):
            is_path = said.split("/")[0] in rooms and "/" in said
            is_path = is_path or Path(said).suffix in SUFFIXES
            if is_path and not (root / said).exists() and not (root / f"{said}.py").exists():
                gone.append((str(page), said))
    assert gone == []


def test_functions_exist(files: Files) -> None:
    """Every function in backticks, as `claim()`, is one that our code defines or calls."""
    code = "\n".join(text for path, text in files.items() if path.suffix in {".py", ".sql"})
    said = {
        name
        for text in _pages(files).values()
        for name in filter(FUNCTION.fullmatch, TICKED.findall(text))
    }
    assert said
    assert {name for name in said if name.removesuffix(")") not in code} == set()


def _inner(command: Any, word: str) -> Any:  # noqa: ANN401 - click's command, or None
    """The command of that name within a group, which may import it only now."""
    return command.get_command(Context(command), word)


def _command_path(words: list[str]) -> list[str]:
    """The words that name a command; none when the command line has no such command."""
    found: list[str] = []
    command: Any = get_command(app)
    for word in words:
        if not hasattr(command, "get_command") or word.startswith("-"):
            break
        command = _inner(command, word)
        if command is None:
            return []
        found.append(word)
    return found


def _spoken(files: Files) -> set[str]:
    """What stands behind `wallet`, in backticks or at the start of a line of a tour."""
    said: set[str] = set()
    for text in _pages(files).values():
        ticked = TICKED.findall(FENCE.sub("", text))
        said |= {tick.removeprefix("wallet ") for tick in ticked if tick.startswith("wallet ")}
    return said | set(SPOKEN.findall(files[Path("README.md")]))


def _flags_of(path: list[str]) -> set[str]:
    """The options a command has, short and long."""
    command: Any = get_command(app)
    for word in path:
        command = _inner(command, word)
    return {"--help", *(flag for each in command.params for flag in each.opts)}


def test_commands_are_known_to_the_command_line(files: Files) -> None:
    """Whatever `wallet ...` the pages tell to type exists, with the options they name."""
    spoken = _spoken(files)
    assert len(spoken) > 10
    for line in sorted(spoken):
        path = _command_path(line.split())
        assert path or line.startswith("-"), f"no such command: wallet {line}"
        unknown = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)) - _flags_of(path)
        assert not unknown, f"wallet {line}: no {unknown}"
        assert CliRunner().invoke(app, [*path, "--help"]).exit_code == 0, line


TABLES: dict[Path, type[BaseSettings]] = {
    Path("README.md"): Settings,
    Path("docs/BANK.md"): PretendBankSettings,
}
"""Page -> the settings whose table it has."""


def _variables(settings: type[BaseSettings]) -> dict[str, FieldInfo]:
    """The fields by the names of their environment variables."""
    prefix = settings.model_config["env_prefix"]
    return {f"{prefix}{name.upper()}": field for name, field in settings.model_fields.items()}


def test_no_page_names_a_variable_that_nothing_reads(files: Files) -> None:
    """Every `WALLET_...` of the pages is a setting."""
    known = {name for settings in TABLES.values() for name in _variables(settings)}
    named = {name for text in _pages(files).values() for name in VARIABLE.findall(text)}
    assert named - known - OTHER_VARIABLES == set()


@pytest.mark.parametrize("page", TABLES)
def test_every_setting_has_its_row(files: Files, page: Path) -> None:
    """The table of a page tells every setting with its default."""
    text = files[page]
    for name, field in _variables(TABLES[page]).items():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{name}`")), None)
        if row is None:
            assert f", `{name}` |" in text, f"{name} is not in the table of settings"
        elif field.default not in (None, ""):
            shown = field.default
            shown = int(shown) if isinstance(shown, float) and shown.is_integer() else shown
            assert f"| `{shown}`" in row, name


def _sections(text: str) -> dict[str, str]:
    """The sections of the page of errors, by code."""
    parts = re.split(r"^### (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_code_has_its_section(files: Files) -> None:
    """docs/ERRORS.md has every rejection code, in the order of precedence, and no other."""
    assert list(_sections(files[Path("docs/ERRORS.md")])) == list(Code)


@pytest.mark.parametrize("code", list(Code))
def test_a_section_names_the_context(files: Files, code: Code) -> None:
    """A code's section names each field of its context: those of its sentence and its example."""
    section = _sections(files[Path("docs/ERRORS.md")])[code]
    fields = {name for _, name, _, _ in Formatter().parse(DETAILS[code]) if name}
    golden = files[Path("tests/golden/v1/results/rejected", f"{code}.json")]
    error = _find(json.loads(golden), "error")
    fields |= set(error["context"])
    assert {name for name in fields if f"`{name}`" not in section} == set()
    assert f"`{error['param']}`" in section or code in {
        Code.MISSING_FIELD,
        Code.UNKNOWN_FIELD,
        Code.INVALID_FIELD,
    }


def test_the_codes_of_the_api_are_all_there(files: Files) -> None:
    """docs/ERRORS.md has a table of those that are not the ledger's."""
    _, _, after = files[Path("docs/ERRORS.md")].partition(
        "\n| code | status | retryable | meaning |"
    )
    rows = [line.strip("| ").split(" | ") for line in after.split("\n\n")[0].splitlines()[2:]]
    assert rows == [
        [f"`{line.code}`", str(line.status), str(line.is_retryable).lower(), line.meaning]
        for line in CODES.values()
        if line.code not in set(Code)
    ]


def _find(value: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    """The first thing called so within a golden message."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        return next(filter(None, (_find(part, name) for part in value.values())), None)
    return None
