"""A Django service beside ours: the same charge sale as most would write it, run by gunicorn.

Django is no part of this project: the bench installs it into a folder that is thrown away, by the
ordinary package client, and only where `--peer` asks for it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from psycopg2.extensions import parse_dsn

from schemas.settings import Settings
from wallet.bench.processes import Watch, watched
from wallet.bench.scratch import scratch_database
from wallet.failure import Failure, Tell
from wallet.local import ports

SERVICE: Final = Path(__file__).with_name("django_service.txt")
PACKAGES: Final = (
    "django>=5.2,<5.3",  # the last for Python 3.11, with long support
    "djangorestframework>=3.16,<4",
    "gunicorn>=23,<26",
    "psycopg2-binary>=2.9,<3",
)
INSTALL_SECONDS: Final = 300.0
SETUP_SECONDS: Final = 60.0
PROCESSES: Final = 3
THREADS: Final = 8
"""Of each process: connections stay open, and a thread waits for the database."""


@contextmanager
def django_peer(
    settings: Settings, sellers: int, credit: str, tell: Tell
) -> Iterator[tuple[int, list[Watch]]]:
    """Serve it on a database of its own; the port and its processes. Raises Failure.

    Its sellers have the numbers from 1, with so much credit each.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wallet-peer-")))
        tell("installing Django into a folder that is thrown away")
        python = _install(folder)
        folder.joinpath("service.py").write_text(SERVICE.read_text(encoding="utf-8"))
        address = stack.enter_context(scratch_database(settings, "peer"))
        environment = _environment(address, sellers, credit)
        _run([str(python), "service.py"], folder, SETUP_SECONDS, environment)
        port = ports.free()
        command = (
            *(str(python), "-m", "gunicorn", "--bind", f"{ports.HOST}:{port}"),
            *("--workers", str(PROCESSES), "--worker-class", "gthread"),
            *("--threads", str(THREADS), "--keep-alive", "60", "--chdir", str(folder)),
            *("--log-level", "warning", "service:application"),
        )
        master = stack.enter_context(watched(command, environment))
        yield port, [master]


def _install(folder: Path) -> Path:
    """Make the environment; its Python."""
    home = folder / "venv"
    _run([sys.executable, "-m", "venv", str(home)], folder, INSTALL_SECONDS, os.environ)
    python = home / "bin" / "python"
    asked = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
    _run(asked, folder, INSTALL_SECONDS, os.environ)
    return python


def _environment(address: str, sellers: int, credit: str) -> dict[str, str]:
    place = parse_dsn(address)
    return {
        **os.environ,
        "PEER_DATABASE": place["dbname"],
        "PEER_HOST": place.get("host", ""),
        "PEER_PORT": place.get("port", ""),
        "PEER_USER": place.get("user", ""),
        "PEER_PASSWORD": place.get("password", ""),
        "PEER_SELLERS": str(sellers),
        "PEER_CREDIT": credit,
    }


def _run(
    command: Sequence[str], folder: Path, seconds: float, environment: Mapping[str, str]
) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"the Django peer: {' '.join(command[:4])} takes over {seconds} s") from None
    if done.returncode:
        raise Failure(f"the Django peer cannot be made: {done.stderr.strip()[-500:]}")
