"""Lengths of time as people type them."""

from datetime import timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from wallet.cli.durations import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3d", 3 * 86400),
        ("2h30m", 9000),
        (" 90s ", 90),
        ("1d2h3m4.5s", 93784.5),
        ("0.25s", 0.25),
        ("P3D", 3 * 86400),
        ("PT2H", 7200),
        ("pt90s", 90),
        ("P1DT2H3M4.5S", 93784.5),
        ("0d5m", 300),
    ],
)
def test_a_length_is_read(text: str, seconds: float) -> None:
    """Short, or as ISO 8601 has it, in small letters too."""
    assert duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "5", "0s", "PT0S", "-3d", "-P3D", "1w", "P1W", "P1M", "P1Y", "P", "PT"),
        *("P1DT", "P5H", "T5M", "3d 2h", "2m1h", "1.5h", "1e3s", "٣d", "9" * 30 + "d"),
        "9" * 400 + "s",
    ],
)
def test_what_is_no_length_ahead_is_refused(text: str) -> None:
    """Months and weeks too: the sentence shows how to write it."""
    with pytest.raises(typer.BadParameter, match=r"such as 3d, 2h30m or PT90S"):
        duration(text)


@given(st.tuples(*[st.integers(0, 999)] * 4).filter(any))
def test_both_spellings_say_the_same(parts: tuple[int, int, int, int]) -> None:
    """Days, hours, minutes, seconds, in any number."""
    days, hours, minutes, seconds = parts
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert duration(f"{days}d{hours}h{minutes}m{seconds}s") == expected
    assert duration(f"P{days}DT{hours}H{minutes}M{seconds}S") == expected
