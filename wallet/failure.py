"""What a `wallet` command tells a person: what it waits for, and why it ends without a result."""

from collections.abc import Callable

Tell = Callable[[str], None]
"""Takes one line for the person who waits."""


def ignore(_line: str) -> None:
    """Tell nobody."""


class Failure(Exception):  # noqa: N818 - it is the outcome of a command, not an accident
    """The command cannot do what was asked; the text is one line, says why and names the fix."""

    exit_code = 1
