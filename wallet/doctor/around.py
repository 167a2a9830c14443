"""What stands around the ledger: the bank, the folder of receipts, this process's environment."""

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from producers.addresses import without_password
from schemas.diagnosis import did_you_mean
from schemas.settings import Settings
from wallet.doctor.findings import Finding, fine, harm, warning
from wallet.pretend_bank.settings import PretendBankSettings

CONNECT_SECONDS: Final = 3.0

OTHERS: Final = frozenset(
    {
        "WALLET_FAULT",
        "WALLET_MAVEN_REPOSITORY",
        "WALLET_POSTGRES_PASSWORD",
        "WALLET_POSTGRES_PORT",
        "WALLET_KAFKA_PORT",
        "WALLET_GATEWAY_PORT",
    }
)
"""Variables that are no settings: of tests, of the local stack, of docker-compose.yml."""


def bank(settings: Settings) -> Finding:
    """Whether the bank can be connected to. It is asked for nothing: any request might pay.

    Where no setting names one, the ledger may well have none: worth a look, and no harm.
    """
    fix = "is it up, and is WALLET_BANK_URL right? Money waits in transit"
    shown = without_password(settings.bank_url)
    try:
        place = _place(settings.bank_url)
        shown = f"{place[0]}:{place[1]}"
        socket.create_connection(place, CONNECT_SECONDS).close()
    except OSError as error:
        if "bank_url" not in settings.model_fields_set:
            what = f"no WALLET_BANK_URL is set here, and nothing takes connections at {shown}"
            return warning("bank", what, "set it as the bank callers have it, if there is a bank")
        what = f"{shown} cannot be connected to: {error.strerror or error}"
        return harm("bank", what, fix)
    except ValueError:  # no number where a port belongs, or no name that a host could have
        return harm("bank", f"{shown} is no address", fix)
    return fine("bank", f"{shown} takes connections")


def _place(url: str) -> tuple[str, int]:
    """Host and port. Raises ValueError."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def receipts(settings: Settings) -> Finding:
    """Whether receipts can be written where they belong, as far as this process may tell."""
    folder = settings.receipts_folder
    try:
        there = next(each for each in (folder, *folder.absolute().parents) if _is_there(each))
        is_ours = there.is_dir() and os.access(there, os.W_OK)
    except OSError:  # a folder on the way may not even be looked into
        is_ours = False
    if not is_ours:
        what = f"{folder} cannot be written by this user"
        return warning("receipts folder", what, "make it, or name another in WALLET_RECEIPTS")
    return fine("receipts folder", str(folder))


def _is_there(path: Path) -> bool:
    """Whether it exists. Raises OSError where that cannot be told.

    `Path.exists` calls it absent then, since Python 3.14.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def environment(variables: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like settings and are none: misspelt, they are silently not heard."""
    known = {f"WALLET_{name.upper()}" for name in Settings.model_fields} | OTHERS
    known |= {f"WALLET_PRETEND_BANK_{name.upper()}" for name in PretendBankSettings.model_fields}
    unknown = sorted(name for name in variables if name.startswith("WALLET_") and name not in known)
    for name in unknown:
        what = f"{name} is no setting.{did_you_mean(name, known)}"
        yield warning("environment", what, "see the settings in README.md")
    if not unknown:
        yield fine("environment", "every WALLET_ variable is a setting")
