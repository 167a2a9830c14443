"""What a process of the ledger says: a line an event on stderr (logfmt)."""

import faulthandler
import logging
import sys

import structlog


def log_to_stderr() -> None:
    """Write the log of this process to stderr, from INFO on.

    Also where its threads stand when it crashes in a client written in C, which tells nothing else.
    """
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
