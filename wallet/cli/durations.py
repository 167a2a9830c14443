"""Lengths of time on the command line: `3d`, `2h30m`, `90s`, or ISO 8601 as `P3D`, `PT2H30M`."""

import re
from datetime import timedelta
from typing import Final

import typer

_PARTS: Final = r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+(?:\.\d+)?)s)?"
_SHORT: Final = re.compile(rf"(?:(?P<days>\d+)d)?{_PARTS}", re.IGNORECASE | re.ASCII)
_ISO: Final = re.compile(rf"P(?:(?P<days>\d+)d)?(?:T(?=\d){_PARTS})?", re.IGNORECASE | re.ASCII)


def duration(text: str) -> timedelta:
    """Read a length of time in days, hours, minutes and seconds, longer than none.

    Months and weeks have no length that all agree on, so there are none. Raises BadParameter.
    """
    found = _SHORT.fullmatch(text.strip()) or _ISO.fullmatch(text.strip())
    parts = found.groupdict() if found else {}
    try:
        length = timedelta(**{unit: float(part) for unit, part in parts.items() if part})
    except OverflowError:
        length = timedelta()
    if length <= timedelta():
        raise typer.BadParameter(f"{text!r} is no length of time ahead, such as 3d, 2h30m or PT90S")
    return length
