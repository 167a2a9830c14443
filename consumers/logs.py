"""What a consumer's process says: a line an event on stderr, as the workers' (logfmt)."""

import logging
import sys

import structlog


def log_to_stderr() -> None:
    """Write the log of this process to stderr, from INFO on."""
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


def one_line(error: BaseException) -> str:
    """What an error says, however many lines it has; its type's name where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
