"""Loopback ports: the usual one, a free one when it is taken, or exactly the one asked for."""

import socket
import sys

from wallet.failure import Failure

HOST = "127.0.0.1"

# Ports promised to a child that has not bound them yet. Two supervisors that start in the same
# second must not promise the same one, so each holds a name in Linux's abstract socket space.
_promised: list[int] = []


def choose(wanted: int | None, usual: int, option: str) -> int:
    """Give a port that nobody listens on; to want 0 is to want any.

    Raises:
        Failure: the port that was asked for is taken.

    """
    if wanted == 0:
        return free()
    if wanted is not None:
        if not _promise(wanted):
            raise Failure(f"port {wanted} is in use; free it or choose another with {option}")
        return wanted
    return usual if _promise(usual) else free()


def free() -> int:
    """Give a port of the system's choice."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if _promise(port):
            return port


def _promise(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still fading (TIME_WAIT) is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    if sys.platform != "linux":
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0wallet-streams-port-{port}")
    except OSError:
        name.close()
        return False
    _promised.append(name.detach())
    return True
