"""What a check comes to."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec
import psycopg2

from consumers.failure import RecordsError
from producers.failure import one_line

Level = Literal["fine", "warning", "harm"]
"""Harm: the ledger does not do its work, or may do it wrong."""

FIX_RIGHTS: Final = "after each `wallet migrate` grant the rights of docs/OPERATING.md, PostgreSQL"


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


def told(check: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of a check that may fail on its way; then that is its last finding."""
    try:
        yield from findings
    except RecordsError as error:
        yield harm(check, f"cannot be told: {error}", "see the findings above")
    except psycopg2.errors.InsufficientPrivilege as error:
        yield harm(check, f"cannot be told: {one_line(error)}", FIX_RIGHTS)
    except psycopg2.Error as error:
        yield harm(check, f"cannot be told: {one_line(error)}", "see PostgreSQL's log, ask again")
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        what = f"cannot be told: {named}{error.strerror or error}"
        yield harm(check, what, "ask as the user that runs the ledger")
