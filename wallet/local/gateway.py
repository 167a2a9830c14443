"""The HTTP gateway of a copy."""

import http.client
import signal
import sys
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from wallet.local import ports
from wallet.local.leftovers import marked
from wallet.local.parts import Starter, until_ready
from wallet.local.process import Process, ProcessSpec

ANSWER_SECONDS: Final = 2.0


def address(port: int) -> str:
    """Give the address of a gateway on a port."""
    return f"http://{ports.HOST}:{port}"


async def start(starter: Starter, place: str) -> Process:
    """Start it where its address says."""
    command = (sys.executable, "-m", "wallet.cli", "gateway", "--port", str(urlsplit(place).port))
    spec = ProcessSpec(
        name="gateway",
        command=command,
        environment={**starter.environment, "WALLET_HTTP_HOST": ports.HOST},
        # What it asked for is in the log, and done once; its callers ask again.
        orphan_signal=signal.SIGKILL,
    )
    return await starter.supervisor.start_worker(marked(spec, starter.supervisor.folder))


async def await_answers(starter: Starter, process: Process, place: str) -> None:
    """Wait until it answers.

    Raises:
        Failure: it does not, in time.

    """
    await until_ready(process, lambda: _answers(place))
    starter.telling.line(f"the gateway answers at {place}")


def _answers(place: str) -> bool:
    """Say whether it is well; asks once."""
    connection = http.client.HTTPConnection(urlsplit(place).netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
