"""What a check comes to."""

from typing import Literal

import msgspec

Level = Literal["fine", "warning", "harm"]
"""Harm: the ledger does not do its work, or may do it wrong."""


class Finding(msgspec.Struct, frozen=True):
    """One finding; `fix` says what to do, where there is something to be done."""

    check: str
    level: Level
    what: str
    fix: str | None = None


def fine(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, "fine", what)


def warning(check: str, what: str, fix: str) -> Finding:
    """Something will go wrong, or is worth a look."""
    return Finding(check, "warning", what, fix)


def harm(check: str, what: str, fix: str) -> Finding:
    """Something is wrong."""
    return Finding(check, "harm", what, fix)
