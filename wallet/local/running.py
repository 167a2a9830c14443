"""What other commands do with a running copy: look at it, stop it."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

from producers.addresses import without_password
from wallet.failure import Failure
from wallet.local import state
from wallet.local.folder import DataFolder

ANSWER_SECONDS: Final = 10.0
# Workers get 10 s and the servers 20 s before they are killed; then what is dead must be noticed.
STOP_SECONDS: Final = 45.0
PAUSE_SECONDS: Final = 0.05

ADDRESSES: Final = ("http", "gateway", "kafka", "postgres", "bank")
HAVE_PASSWORDS: Final = ("postgres", "bank")


@dataclass(frozen=True, slots=True)
class Status:
    """The answer of `/healthz` and the addresses of the copy."""

    document: dict[str, Any]

    @property
    def is_well(self) -> bool:
        """Whether all processes run and the lag is known."""
        return bool(self.document["status"] == "ok")

    def as_json(self) -> str:
        """Give everything, for programs."""
        return json.dumps(self.document, indent=2)

    def as_text(self) -> str:
        """Give a few lines, for people."""
        document = self.document
        lines = [f"{name:<12} {document[name]}" for name in ADDRESSES if document[name]]
        lines += [_process_line(process) for process in document["processes"]]
        lines += [f"lag          {document['total_lag']} commands"] if document["lag"] else []
        lines += [f"problem      {problem}" for problem in document["problems"]]
        return "\n".join([f"{document['phase']}, {document['status']}", *lines])


def _process_line(process: dict[str, Any]) -> str:
    if not process["running"]:
        return f"{process['name']:<12} down (last exit {process['last_exit']})"
    return (
        f"{process['name']:<12} pid {process['pid']}, up {process['uptime_seconds']:.0f} s,"
        f" {process['restarts']} restarts"
    )


def status(folder: DataFolder) -> Status:
    """Ask the supervisor.

    Raises:
        Failure: no copy runs there, or it does not answer.

    """
    found = _state(folder)
    if found is None:
        raise Failure(f"nothing is running on {folder.root}; start it with `wallet up`")
    document = _health(found.http)
    shown = {name: getattr(found, name) for name in ADDRESSES}
    for name in HAVE_PASSWORDS:
        shown[name] = shown[name] and without_password(shown[name])
    return Status({**shown, "supervisor": found.supervisor, **document})


def _state(folder: DataFolder) -> state.State | None:
    """Give the state of a copy that runs; a file left by a killed supervisor says nothing."""
    return state.read(folder.state_file) if folder.is_held() else None


def _health(http: str) -> dict[str, Any]:
    # No proxy of the user's environment stands between us and loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            response = opener.open(f"{http}/healthz", timeout=ANSWER_SECONDS)
        except urllib.error.HTTPError as error:  # 503 brings the same document
            response = error
        with response:
            document: dict[str, Any] = json.load(response)
            return document
    except (OSError, ValueError) as error:
        raise Failure(f"the supervisor does not answer at {http}: {error}") from None


def stop(folder: DataFolder) -> bool:
    """Stop the copy and wait for its end; False when none was running.

    Raises:
        Failure: it runs still after 45 seconds, or is another user's.

    """
    deadline = time.monotonic() + STOP_SECONDS
    asked = None
    while folder.is_held():
        found = state.read(folder.state_file)
        if found and found.supervisor != asked:  # one that has only just started has no file yet
            asked = found.supervisor
            _tell_to_stop(folder, asked)
        if time.monotonic() > deadline:
            raise Failure(f"the copy on {folder.root} does not end; its logs are in {folder.logs}")
        time.sleep(PAUSE_SECONDS)  # a lock that ends has no event
    return asked is not None


def _tell_to_stop(folder: DataFolder, supervisor: int) -> None:
    try:
        os.kill(supervisor, signal.SIGTERM)
    except ProcessLookupError:  # it has just ended
        return
    except PermissionError as error:
        raise folder.unusable(error) from None


def refuse_if_held(folder: DataFolder) -> None:
    """Raise Failure when a copy runs on the folder."""
    if folder.is_held():
        raise Failure(f"a copy is running on {folder.root}; stop it first with `wallet down`")
