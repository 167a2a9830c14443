"""The copy of `wallet up` that runs in a folder, as others see it: is it there, and where."""

import json
from pathlib import Path
from typing import Final

LOCK: Final = "supervisor.lock"
"""Locked by the supervisor until it ends, however it ends; the file stays."""
STATE: Final = "state.json"
"""The addresses and process ids. A supervisor that was killed leaves it behind."""


def is_held(folder: Path) -> bool:
    """Whether a supervisor is at work on the folder; nothing is made there.

    Raises OSError where this user may not look.
    """
    try:
        with (folder / LOCK).open("rb") as file:
            import fcntl  # noqa: PLC0415 - not on Windows, where clients run, and no copy

            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except BlockingIOError:
        return True
    return False


def addresses(folder: Path) -> dict[str, str]:
    """The addresses of the copy that runs in the folder; empty when none does."""
    try:
        if not is_held(folder):
            return {}
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict):
        return {}
    return {key: value for key, value in state.items() if isinstance(value, str)}
