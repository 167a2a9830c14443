"""First answers of repeated commands, asked of a gateway, whatever it does."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from producers.first_answers import answers_at

TEXT = b'{"command":{"source":"/shop","id":"a b","type":"deposit.v1","topic":"t","partition":0,'
TEXT += b'"offset":7},"status":"completed","wallet_id":null,"recorded_at":"","sequences":{}}'


class Gateway(http.server.BaseHTTPRequestHandler):
    """Answers as it is told, and remembers what it was asked."""

    status = 200
    body = TEXT
    asked: tuple[tuple[str, str | None], ...] = ()

    def do_GET(self) -> None:
        """Answer."""
        cls = type(self)
        cls.asked += ((self.path, self.headers["Authorization"]),)
        self.send_response(cls.status)
        self.end_headers()
        self.wfile.write(cls.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def gateway(status: int = 200, body: bytes = TEXT) -> Iterator[tuple[str, type[Gateway]]]:
    """A gateway that answers so; its address."""

    class Own(Gateway):
        pass

    Own.status, Own.body = status, body
    server = http.server.HTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", Own
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


def test_the_first_answer_is_found() -> None:
    """By source, id and the fingerprint of the content; whatever stands in the names."""
    with gateway() as (address, asked):
        found = answers_at(f"{address}/", key="wsk_1")("/shop", "a b/?", "00ff")
    assert found is not None
    assert (found.command.offset, found.status) == (7, "completed")
    path = "/v1/results/a%20b%2F%3F?source=%2Fshop&fingerprint=00ff"
    assert asked.asked == ((path, "Bearer wsk_1"),)


def test_without_a_fingerprint_the_ids_answer_is_asked_for() -> None:
    """A command that cannot be read has none; where nobody logs in, no key is shown."""
    with gateway() as (address, asked):
        assert answers_at(f"{address}/behind/a/proxy")("/shop", "1", None) is not None
    assert asked.asked == (("/behind/a/proxy/v1/results/1?source=%2Fshop", None),)


@pytest.mark.parametrize(
    ("status", "body"), [(404, TEXT), (401, b"{}"), (503, b""), (200, b"no JSON"), (200, b"{}")]
)
def test_whatever_else_it_says_nothing_is_found(status: int, body: bytes) -> None:
    """The log may still answer."""
    with gateway(status, body) as (address, asked):
        assert answers_at(address)("/shop", "1", None) is None
        assert len(asked.asked) == 1


def test_a_gateway_that_is_away_finds_nothing() -> None:
    """Nor does it raise."""
    with gateway() as (address, _):
        find = answers_at(address)
    assert find("/shop", "1", None) is None


@pytest.mark.parametrize("base", ["", "localhost:8001", "ftp://x", "http://", "/v1"])
def test_an_address_that_is_none_is_refused_at_once(base: str) -> None:
    """Not when the first command is repeated."""
    with pytest.raises(ValueError, match="no address of a gateway"):
        answers_at(base)
