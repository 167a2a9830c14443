"""The door, over a socket and without servers: whatever stands in a header, the answer is ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from producers.http.access_log import AccessLog
from producers.http.app import make_app
from producers.http.gateway import Gateway
from producers.http.people.audit import Audit
from producers.http.serving import start
from schemas.settings import Settings

# The door keeps the request's id under a text; aiohttp would rather have a key of its own.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")

WALLET = b"01930f6e-0000-7000-8000-0000000000ff"
DEPOSIT = b'{"wallet_id": "%s", "amount": "1"}' % WALLET
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
SECONDS = 30.0


class Database:
    """Takes everything, and has nothing."""

    async def read(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - as Reading.read
        """Nothing."""


@asynccontextmanager
async def served(
    logins: str, proxies: str = "", own: Database | None = None
) -> AsyncIterator[tuple[str, int]]:
    """The address of a gateway before a database, an empty one if none is given."""
    database: Any = own or Database()
    settings = Settings.model_validate({"http_logins": logins, "http_proxies": proxies})
    gateway = Gateway(settings, database, database, database)
    await gateway.people.audit.close()
    gateway.people.audit = gateway.entrance._audit = Audit(database)  # noqa: SLF001
    runner = await start(make_app(gateway), settings, 0, share_port=False)
    try:
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()
        await gateway.close()


async def said(
    logins: str, line: bytes, header: bytes, body: bytes, kind: bytes, proxies: str = ""
) -> bytes:
    """What comes back for a request with a header as it is given here."""
    async with served(logins, proxies) as (host, port), asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        head = b"Host: %s:%d\r\nConnection: close\r\nIdempotency-Key: k" % (host.encode(), port)
        about = b"Content-Type: %s\r\nContent-Length: %d" % (kind, len(body))
        lines = (line + b" HTTP/1.1", head, about, header, b"", body)
        writer.write(b"\r\n".join(lines))
        answer = await reader.read()
        writer.close()
        return answer


@pytest.mark.parametrize(
    ("line", "header", "body", "status", "words"),
    [
        (b"POST /v1/deposits", b"Content-Encoding: \xff", DEPOSIT, 415, b'encoding \\"?\\"; send'),
        (b"PATCH /api/wallets/%s/deposit/" % WALLET, b"Content-Encoding: a\xff", DEPOSIT, 415,
         b'{"detail":"Unsupported content encoding \\"a?\\"; send gzip or deflate."}'),
        (b"POST /v1/wallets/%s/status" % WALLET, b'If-Match: "\xff"', b'{"status": "active"}', 412,
         b"If-Match names another version"),
        (b"POST /v1/deposits", b"Idempotency-Key: \xff", DEPOSIT, 400, b"Idempotency-Key: "),
        (b"GET /v1/wallets", b"Authorization: Basic \xff", b"", 401, b"Invalid basic header"),
    ],
)  # fmt: skip
async def test_a_header_that_is_not_utf8_is_refused(
    line: bytes, header: bytes, body: bytes, status: int, words: bytes
) -> None:
    """In clear words and with the request's id, as everything else that is wrong."""
    answer = await said("open", line, header, body, JSON)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert words in answer
    assert b"\r\nX-Request-ID: " in answer


@pytest.mark.parametrize(
    ("logins", "line", "status", "words"),
    [
        ("open", b"POST /console/wallets", 400, b"This form was not made for you"),
        ("open", b"POST /console/login", 400, b"This form was not made for you"),
        ("required", b"POST /console/logout", 401, b"Set-Cookie: wallet_form="),
        ("required", b"GET /console/wallets", 401, b"Set-Cookie: wallet_form="),
    ],
)
async def test_a_cookie_that_is_not_utf8_is_none_of_ours(
    logins: str, line: bytes, status: int, words: bytes
) -> None:
    """Nor is one that spells such a character: the browser gets another."""
    for text in (b"\xff", b"\\377"):
        cookie = b'Cookie: wallet_session="%s"; wallet_form="%s"' % (text, text)
        shown = cookie if logins == "required" else b'Cookie: wallet_form="%s"' % text
        answer = await said(logins, line, shown, b"token=a&key=b", FORM)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert words in answer
        assert b"\r\nX-Request-ID: " in answer


@pytest.mark.parametrize("key", [b"%7B0193%7D", b"{0193}", b"a%7Bb", b"a%2Fb%25%3F"])
async def test_a_result_is_looked_up_by_any_key(key: bytes) -> None:
    """A key may hold braces: where a 202 leads to is a path of ours."""
    line = b"GET /v1/results/%s?source=/http/v1" % key
    answer = await said("open", line, b"Accept: */*", b"", JSON)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"result_not_found"' in answer


@pytest.mark.parametrize(
    ("proxies", "scheme"), [("127.0.0.0/8", b"https"), ("10.0.0.0/8", b"http"), ("", b"http")]
)
async def test_addresses_that_are_given_have_the_callers_scheme(
    proxies: str, scheme: bytes
) -> None:
    """Behind a proxy of ours that ends TLS a link leads through it; a stranger's word is none."""
    header = b"X-Forwarded-Proto: https"
    answer = await said("open", b"GET /schemas", header, b"", JSON, proxies)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"url":"%s://127.0.0.1:' % scheme in answer


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/wallets/%s/events" % WALLET,
        b"/v1/wallets/%s/events/" % WALLET,
        b"/v1/stream",
        b"/console/wallets/%s/events" % WALLET,
    ],
)
async def test_what_is_followed_has_no_head(path: bytes) -> None:
    """It would begin, and go on for an hour; other paths have one."""
    refused = await said("open", b"HEAD %s" % path, b"Accept: */*", b"", JSON)
    assert refused.startswith(b"HTTP/1.1 405 ")
    allowed = b"\r\nAllow: GET\r\n" in refused
    assert allowed or path.startswith(b"/console/"), "a page of the console tells none"
    known = await said("open", b"HEAD /schemas", b"Accept: */*", b"", JSON)
    assert known.startswith(b"HTTP/1.1 200 ")
    assert known.endswith(b"\r\n\r\n")


async def test_a_cursor_that_is_none_of_ours_is_no_error_of_ours() -> None:
    """However long it is: the console's pages take what the API refuses."""
    line = b"GET /console/audit?cursor=" + 300 * b"a"
    answer = await said("open", line, b"Accept: */*", b"", JSON)
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_who_hangs_up_amid_a_body_is_no_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is counted as the broken request that it is, and no traceback is written."""
    told: asyncio.Queue[int] = asyncio.Queue()

    def add(_: AccessLog, *, status: int, **__: object) -> None:
        told.put_nowait(status)

    monkeypatch.setattr(AccessLog, "add", add)
    async with served("open") as (host, port), asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(host, port)
        head = b"POST /v1/deposits HTTP/1.1\r\nHost: %s:%d" % (host.encode(), port)
        about = b"Content-Type: application/json\r\nContent-Length: 100"
        with capture_logs() as lines:
            writer.write(b"\r\n".join((head, about, b"Idempotency-Key: k", b"", b"{")))
            await writer.drain()
            writer.close()
            assert await told.get() == 400
    assert [line for line in lines if line["event"] == "request failed"] == []
