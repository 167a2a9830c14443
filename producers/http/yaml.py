"""Writes a document of objects, lists, texts, numbers and booleans as YAML, in block style."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_$/][A-Za-z0-9_$/{}-]*\Z")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""What some reader of YAML takes for something else than a text."""


def yaml_of(document: dict[str, Any]) -> str:
    """The document as YAML 1.2; texts are quoted as in JSON, which YAML reads too."""
    return "\n".join(_lines(document, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _entry(f"{indent}{_name(str(name))}:", part, f"{indent}  ")
    else:
        for part in value:
            yield from _entry(f"{indent}-", part, f"{indent}  ")


def _entry(start: str, part: Any, indent: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(part, dict | list | tuple) and part:
        yield start
        yield from _lines(part, indent)
    else:
        yield f"{start} {json.dumps(part, ensure_ascii=False)}"


def _name(name: str) -> str:
    return name if _PLAIN_NAME.match(name) and name.lower() not in _WORDS else json.dumps(name)
