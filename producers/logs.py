"""What a process of the ledger says: a line an event on stderr (logfmt)."""

import faulthandler
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

import structlog


def log_to_stderr() -> None:
    """Write the log of this process to stderr, from INFO on.

    Also where its threads stand when it crashes in a client written in C, which tells nothing else.
    A process that began with stderr closed (`2>&-`) says nothing.
    """
    if sys.stderr is None:  # whoever writes there would fail, or write to stdout instead
        nowhere = Path(os.devnull)
        sys.stderr = nowhere.open("w", encoding="utf-8", errors="backslashreplace")
    with suppress(RuntimeError, ValueError, OSError):  # it is no file, or is closed
        faulthandler.enable(sys.__stderr__ or sys.stderr)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
