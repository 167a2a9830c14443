"""What a `wallet` command tells a person: what it waits for, and why it ends without a result."""

from collections.abc import Callable

Tell = Callable[[str], None]
"""Takes one line for the person who waits."""


def ignore(_line: str) -> None:
    """Tell nobody."""


class Failure(Exception):  # noqa: N818 - it is the outcome of a command, not an accident
    """The command cannot do what was asked; the text is one line, says why and names the fix."""

    exit_code = 1


class UsageFailure(Failure):
    """What was asked cannot be understood, or not be done as things are; nothing was begun."""

    exit_code = 2


class NoAnswer(Failure):
    """It is not known what became of it: a server did not answer, or not in time."""

    exit_code = 3
