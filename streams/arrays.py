"""How rows become array literals, the cheapest way to hand a set to PostgreSQL."""

from collections.abc import Iterable
from typing import Any


def array(values: Iterable[Any]) -> str:
    """An array literal of values that need no quoting: ids, numbers, truths."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str]) -> str:
    """As array(), of what is text already."""
    return "{" + ",".join(values) + "}"


def columns(rows: list[Any], width: int) -> list[tuple[Any, ...]]:
    """Rows turned on their side."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
