"""Places in the commands topic on the command line."""

import re

import typer

from consumers.past import Offset


def place(text: str) -> Offset:
    """Read a place in the commands topic."""
    found = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,18})", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no PARTITION:OFFSET such as 3:1841")
    return Offset(int(found[1]), int(found[2]))
