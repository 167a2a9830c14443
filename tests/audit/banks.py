"""A bank that only tells its ledger: JSON lines over HTTP, a few to a page."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec

from consumers.audit.payments import Payment

PAGE = 7


def line(payment: Payment) -> bytes:
    """A payment as the bank writes it down."""
    return msgspec.json.encode(payment)


@contextmanager
def telling(lines: Sequence[bytes], status: int = 200) -> Iterator[str]:
    """Serve these lines while it lasts; gives the address of the ledger."""

    class Handler(BaseHTTPRequestHandler):
        """Answers every GET with a page."""

        def do_GET(self) -> None:
            """Give the lines after a number."""
            after = int(parse_qs(urlsplit(self.path).query)["after"][0])
            body = b"".join(each + b"\n" for each in lines[after : after + PAGE])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/ledger"
        finally:
            server.shutdown()
            thread.join(10)
