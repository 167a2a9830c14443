"""The deliberate end of a process: exit 70, at once, with the reason in the log.

An exception inside a Faust agent must never reach Faust, which would acknowledge what was not
done (FAULTS.md F1, F2). A supervisor starts the worker again, and its claim reads the truth.
"""

import logging
import os
import sys
from typing import Final, NoReturn

import structlog

EXIT_CODE: Final = 70
"""EX_SOFTWARE of sysexits.h."""

log: Final = structlog.get_logger(__name__)


def crash(why: str, error: BaseException) -> NoReturn:
    """End this process without running anything that others would take for a clean end."""
    log.critical(why, error=f"{type(error).__name__}: {error}", exc_info=error)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(EXIT_CODE)
