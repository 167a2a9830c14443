"""Points in the past on the command line: a time, a place in the commands topic."""

import re
from datetime import datetime

import typer

from consumers.past import Offset


def moment(text: str) -> datetime:
    """Read a time; one without a zone is the machine's."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time such as 2026-11-20T10:00:00Z") from None


def place(text: str) -> Offset:
    """Read a place in the commands topic."""
    found = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,18})", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no PARTITION:OFFSET such as 3:1841")
    return Offset(int(found[1]), int(found[2]))
