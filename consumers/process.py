"""The process around a consumer: its log, its signals, its turns, its end."""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from producers.failure import one_line
from producers.logs import log_to_stderr

EXIT_CODE: Final = 70
"""EX_SOFTWARE of sysexits.h, as a worker's: a supervisor starts the process again."""

TURN_SECONDS: Final = 90.0
"""A turn that takes so long is stuck: Kafka is waited for 20 s (`WALLET_KAFKA_TIMEOUT`), a database
for some 40.

librdkafka (2.16) was seen not to come back from a transaction after a broker was killed. A turn
that waits out several limits in a row is ended too: a new process goes on no worse.
"""

log: Final = structlog.get_logger(__name__)


class Turning(Protocol):
    """What is turned until it is told to end; what it raises must end the process."""

    def turn(self) -> None:
        """Do what there is to be done; returns within a second or so, for signals to be seen."""

    def close(self) -> None:
        """Leave in order."""


def run(
    name: str,
    make: Callable[[threading.Event], Turning],
    troubles: tuple[type[Exception], ...],
    **shown: str,
) -> int:
    """Turn what `make` makes until SIGTERM or SIGINT; the exit code.

    70: one of `troubles` was raised, which only another process can come out of; anything else is
    a bug and is raised on. `make` is given what is set by then, so that it need not wait in vain.
    `shown` stands in the lines of the log, after `name`.
    """
    log_to_stderr()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    log.info("%s started", name, **shown)
    patience = _Patience(name)
    patience.start()
    try:
        turning = make(stopping)
        while not stopping.is_set():
            patience.since = time.monotonic()
            turning.turn()
        turning.close()
    except troubles as error:
        log.critical("the %s gives up", name, why=one_line(error), **shown)
        return EXIT_CODE
    finally:
        patience.since = None
    log.info("%s stopped", name, **shown)
    return 0


class _Patience(threading.Thread):
    """Ends the process when a turn does not, and says where it stands."""

    def __init__(self, name: str) -> None:
        super().__init__(name="patience", daemon=True)
        self._of = name
        self.since: float | None = None
        """When the turn began that goes on."""

    def run(self) -> None:
        while True:
            time.sleep(TURN_SECONDS / 10)  # what does not happen has no event
            since = self.since
            if since is not None and time.monotonic() - since > TURN_SECONDS:
                log.critical("the %s stands still, and gives up", self._of, seconds=TURN_SECONDS)
                faulthandler.dump_traceback()
                os._exit(EXIT_CODE)
