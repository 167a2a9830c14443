"""Where something stands in a JSON text: the line and column of a member, by its path."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from json import JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Final, NamedTuple

_BLANKS: Final = " \t\r\n"
_decoder: Final = JSONDecoder()


class Spot(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


class Lines:
    """The lines of a text, for looking many positions up."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def spot(self, position: int) -> Spot:
        """The spot of a character, counted from 0."""
        line = bisect_right(self._starts, position)
        return Spot(line, position - self._starts[line - 1] + 1)


def position_of(text: str, start: int, path: Sequence[str]) -> int:
    """Where the member at `path` begins in the JSON value at `start`: its name, or the value.

    A path that leads nowhere ends at the last object on its way: something is missing there. Of a
    name that stands twice the last counts, as it does to the ledger.
    """
    position = _blanks(text, start)
    for step in path:
        member = _member(text, position, step)
        if member is None:
            return position
        name_at, value_at = member
        if step is path[-1]:
            return name_at
        position = value_at
    return position


def _member(text: str, start: int, name: str) -> tuple[int, int] | None:
    """Where a member's name and value begin within the object at `start`."""
    found = None
    position = start
    if text[position] != "{":
        return None
    position = _blanks(text, position + 1)
    while text[position] == '"':
        told, after = scanstring(text, position + 1)
        value_at = _blanks(text, _blanks(text, after) + 1)  # behind the colon
        if told == name:
            found = (position, value_at)
        _, end = _decoder.raw_decode(text, value_at)
        position = _blanks(text, end)
        if text[position] == ",":
            position = _blanks(text, position + 1)
    return found


def _blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANKS:
        position += 1
    return position
