"""The limit on nesting is ours and exact, whatever stands in the texts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.nesting import DEEPEST, is_too_deep

noise = st.text(alphabet='[]{}"\\a', max_size=60)


def nested(levels: int, core: object) -> Any:  # noqa: ANN401 - JSON
    """The core within so many objects and arrays."""
    whole = core
    for level in range(levels):
        whole = [whole] if level % 2 else {"[": whole, "]]": "{{"}
    return whole


@given(st.integers(0, 2 * DEEPEST), noise, st.sampled_from([None, 1]))
def test_levels_are_counted_outside_of_texts(levels: int, text: str, indent: int | None) -> None:
    """Brackets and escaped quotes within texts are no levels."""
    value = json.dumps(nested(levels, text * 3), indent=indent).encode()
    assert is_too_deep(value) == (levels > DEEPEST)


def test_many_objects_beside_each_other_are_not_deep() -> None:
    """Depth counts, not number."""
    assert not is_too_deep(json.dumps([{}] * 1000).encode())


@pytest.mark.parametrize("value", [b"", b'"' + b"[" * 100, b"]" * 100 + b"[" * 50 + b"{" * 20])
def test_what_is_not_json_is_not_deep(value: bytes) -> None:
    """It is refused for what it is."""
    assert not is_too_deep(value)


@pytest.mark.parametrize("value", [b"[" * 65, b'{"a":' * 65, b'"x\\"' + b'",' + b"[" * 65])
def test_what_never_closes_is_deep(value: bytes) -> None:
    """The limit is found before a decoder would run into its own."""
    assert is_too_deep(value)
