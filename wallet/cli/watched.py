"""The door for those who watch a process of ours: open where WALLET_METRICS_PORT asks for it."""

import sys

from schemas.settings import Settings
from wallet.failure import Failure


def be_watched(settings: Settings) -> Settings:
    """Tell metrics from now on until this process ends; gives the settings back.

    Raises:
        Failure: the port cannot be had.

    """
    host, port = settings.metrics_host, settings.metrics_port
    if port is None:
        return settings
    from producers.metrics import Metrics  # noqa: PLC0415 - a tenth of a second, for servers only

    try:
        door = Metrics(host, port)
    except OSError as error:
        why = error.strerror or error
        raise Failure(
            f"cannot listen on {host}:{port}: {why}; set WALLET_METRICS_PORT, a port to a process"
        ) from None
    print(f"metrics at {door.url}/metrics", file=sys.stderr, flush=True)  # noqa: T201 - as its log
    return settings
