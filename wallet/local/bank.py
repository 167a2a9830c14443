"""The pretend bank of a copy, and what its caller must know of it."""

import http.client
import signal
import sys
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from wallet.local import ports
from wallet.local.folder import DataFolder
from wallet.local.process import ProcessSpec
from wallet.pretend_bank.settings import PretendBankSettings
from wallet.wrong_settings import told_by_name

ANSWER_SECONDS: Final = 2.0


def settings(port: int) -> dict[str, Any]:
    """Give the settings of the processes that call it, by name.

    Raises:
        UsageFailure: a setting of its own is wrong.

    """
    address = f"http://{ports.HOST}:{port}/"
    with told_by_name(PretendBankSettings):
        knows_keys = PretendBankSettings().knows_keys
    if not knows_keys:
        return {"bank_url": address, "bank_knows_keys": False}
    return {"bank_url": address, "bank_status_url": f"{address}payments/{{key}}"}


def spec(folder: DataFolder, port: int) -> ProcessSpec:
    """Describe its process, which gets WALLET_PRETEND_BANK_* from our environment."""
    command = (sys.executable, "-m", "wallet.cli", "pretend-bank")
    return ProcessSpec(
        name="pretend-bank",
        command=(*command, "--port", str(port), "--data", str(folder.bank)),
        orphan_signal=signal.SIGKILL,  # what it told is in its file
    )


def answers(address: str) -> bool:
    """Say whether it is well; asks once."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
