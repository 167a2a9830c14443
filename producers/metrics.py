"""What a process tells of itself over HTTP, for those who watch it: /metrics and /healthz.

A port of its own, from a thread of its own, so that a process that is busy answers too. Asked for
by WALLET_METRICS_PORT; without it nothing listens, and what is counted costs as little.
"""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

REGISTRY: Final = CollectorRegistry()
"""All metrics of this process."""

REQUEST_SECONDS: Final = 5.0
"""How long one who asks may take to say what: requests are answered one after the other."""

disable_created_metrics()  # type: ignore[no-untyped-call] # a second line for each, which says when it was first counted
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


class Metrics:
    """The door of one process; lives as long as it, or until it is closed.

    Raises OSError where the port cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = HTTPServer((host, port), _Door)
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is, as http://127.0.0.1:9464."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()


class _Door(BaseHTTPRequestHandler):
    """One request."""

    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        """Answer /metrics and /healthz."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, kind, encode(REGISTRY))
        elif path == "/healthz":
            self._answer(200, "application/json", b'{"status": "ok"}')
        else:
            self._answer(404, "text/plain", b"/metrics or /healthz\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: somebody asks every few seconds."""

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
