"""The process around a bank caller: its signals, its log, its end."""

import asyncio
import gc
import logging
import os
import signal
from typing import Final

import structlog

from consumers import measures
from consumers.process import EXIT_CODE
from consumers.withdrawals.caller import Caller
from producers.logs import log_to_stderr
from schemas.settings import Settings

GC_THRESHOLD: Final = 100_000
"""Objects made before the collector looks: a call makes some hundred and leaves no cycles."""

log: Final = structlog.get_logger(__name__)


def main(settings: Settings, slot: str) -> int:
    """Call the bank until SIGTERM or SIGINT; the exit code. 70: Kafka or PostgreSQL stay away."""
    log_to_stderr()
    gc.set_threshold(GC_THRESHOLD)
    code = asyncio.run(_run(settings, slot))
    # A thread that waits for a server that is away has nothing left to do: it all stands in
    # PostgreSQL, and what is not there was not learnt.
    logging.shutdown()
    os._exit(code)


async def _run(settings: Settings, slot: str) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    log.info("bank caller started", slot=slot, pid=os.getpid())
    try:
        caller = Caller(settings, slot)
        measures.of_bank_caller(
            lambda: caller.in_care, lambda: caller.in_flight, lambda: caller.is_waiting
        )
        await caller.run(stopped)
    except Exception as error:
        log.critical(
            "the bank caller gives up", why=f"{type(error).__name__}: {error}", exc_info=error
        )
        return EXIT_CODE
    log.info("bank caller stopped", slot=slot)
    return 0
