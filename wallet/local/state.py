"""The state file of a running copy, `DIR/state.json`: its addresses and its process ids.

{"http": "http://127.0.0.1:8000", "kafka": "127.0.0.1:9092", "postgres": "postgresql://...",
 "bank": "http://127.0.0.1:8010/", "gateway": "http://127.0.0.1:8001", "supervisor": 4710,
 "processes": [{"name": "kafka", "pid": 4711}, ...]}
"""

import os
from pathlib import Path

import msgspec

from wallet.failure import Failure


class ProcessState(msgspec.Struct, frozen=True):
    """A process that runs now."""

    name: str
    pid: int


class State(msgspec.Struct, frozen=True):
    """What other commands and tools may want to know of a running copy.

    `http` is the status page, `gateway` the ledger's HTTP door. `bank` and `gateway` are None in a
    copy without workers.
    """

    http: str
    kafka: str
    postgres: str
    supervisor: int
    processes: tuple[ProcessState, ...] = ()
    bank: str | None = None
    gateway: str | None = None


def read(path: Path) -> State | None:
    """Read the file; None when there is none, or none that can be understood.

    Raises:
        Failure: it is not ours to read, as that of another user's copy.

    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    except OSError as error:
        raise Failure(
            f"cannot read {path}: {error.strerror};"
            " choose another folder with --data or WALLET_DATA"
        ) from None


def write(path: Path, state: State) -> None:
    """Replace the file in one step: a reader sees the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)  # the address of a real database may hold a password
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
    temporary.replace(path)
