"""Files named on the command line, and what becomes of a command that cannot use one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from wallet.failure import UsageFailure


@contextmanager
def using_files(wanted: Literal["read", "write"]) -> Iterator[None]:
    """Name a file that cannot be used, and why. Raises UsageFailure.

    To be left before anything is printed: a reader of our output that has gone is no file.
    """
    try:
        yield
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        raise UsageFailure(f"cannot {wanted} {named}{error.strerror or error}") from None
