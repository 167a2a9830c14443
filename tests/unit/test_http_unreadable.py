"""Requests that are none, over a socket: a stranger cannot write the log full with them."""

from types import SimpleNamespace

import pytest
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from structlog.testing import capture_logs

from producers.http import unreadable
from producers.http.unreadable import server_log
from producers.metrics import REGISTRY
from tests.unit.test_http_door import JSON, said

# As in test_http_door.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")

TOLD = "requests cannot be read"


def _counted() -> float:
    return REGISTRY.get_sample_value("wallet_http_unreadable_total") or 0.0


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"GET http://[/", b"Accept: */*"),
        (b"GET http://a:99999/", b"Accept: */*"),
        (b"GET /" + b"a" * 9000, b"Accept: */*"),
        (b"GET /healthz", b"a b: c"),
        (b"GET /healthz", b"a: " + b"b" * 9000),
        (b"GET /healthz", b"Transfer-Encoding: chunked"),
    ],
)
async def test_what_cannot_be_read_is_refused_without_a_traceback(
    line: bytes, header: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A line tells that there was such a thing, and nothing of what came."""
    before = _counted()
    with capture_logs() as lines:
        answer = await said("open", line, header, b"", JSON)
    assert answer.startswith(b"HTTP/1.0 400 ")
    assert caplog.records == []
    (told,) = [each for each in lines if each["event"] == TOLD]
    assert (told["requests"], told["peer"], _counted() - before) == (1, "127.0.0.1", 1)
    assert "aaaa" not in str(told)


def test_many_of_them_are_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how many there were since the line before."""
    now = 1000.0
    monkeypatch.setattr(unreadable, "time", SimpleNamespace(monotonic=lambda: now))
    log, wrong = server_log(), BadHttpMessage("no")
    with capture_logs() as lines:
        for _ in range(70):
            log.error("Error handling request from %s", "9.9.9.9", exc_info=wrong)
            now += 1
    assert [line["requests"] for line in lines] == [1, 60]


@pytest.mark.parametrize("wrong", [ValueError("ours"), HttpProcessingError(code=500), None])
def test_what_is_an_error_of_ours_is_logged(
    wrong: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    """By aiohttp, as ever."""
    server_log().error("Unhandled exception", exc_info=wrong)
    assert [record.message for record in caplog.records] == ["Unhandled exception"]
