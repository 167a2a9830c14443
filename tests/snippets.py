"""The examples of docs/PRODUCING.md, and the languages of this machine to run them with."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.stacks import without_settings
from wallet.local import jars

PAGE = Path(__file__).parents[1] / "docs" / "PRODUCING.md"
JAVA_PARTS = ("kafka-clients", "slf4j-api", "lz4-java")
"""What a Java producer needs of the jars of the local Kafka."""
SECONDS = 100.0


@cache
def snippets(language: str) -> tuple[str, ...]:
    """The fenced examples of a language, in their order."""
    text = PAGE.read_text(encoding="utf-8")
    found = tuple(re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert found, f"no {language} in {PAGE}"
    return found


def snippet(language: str, holding: str) -> str:
    """The one example of a language that holds a text."""
    (found,) = (each for each in snippets(language) if holding in each)
    return found


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skip a test where one of these tools is not on this machine."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not on this machine: {', '.join(missing)}")


def run(
    *command: str, folder: Path, environment: Mapping[str, str] | None = None, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder, with a text as its input; what it printed. It may fail."""
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environment or without_settings()),
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def class_path() -> str:
    """The jars that a Java producer needs, as the local Kafka has them."""
    folder = jars.cache_folder()
    parts = [jar for jar in jars.locked() if jar.artifact in JAVA_PARTS]
    assert {jar.artifact for jar in parts} == set(JAVA_PARTS)
    return ":".join([str(folder / jar.filename) for jar in parts] + ["."])
