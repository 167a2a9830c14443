"""Who hangs up while the gateway looks something up: that is no error of ours."""

import asyncio
from typing import Any

import pytest
from aiohttp.web_protocol import RequestHandler
from structlog.testing import capture_logs

from producers.http.access_log import AccessLog
from producers.http.live.follower import Follower
from producers.http.live.hub import Hub
from producers.http.live.reading_changes import Standing, standing
from producers.http.people import reading
from producers.http.people.principal import Principal
from producers.http.people.roles import Role
from tests.unit.test_http_door import SECONDS, WALLET, Database, served

# As in test_http_door.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")

EVENTS = b"/v1/wallets/%s/events" % WALLET
ASK = b"""GET %s HTTP/1.1\r
Host: %s:%d\r
X-API-Key: wsk_key\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r
\r
"""


class SlowDatabase(Database):
    """Knows one key, once it may say so, and one wallet."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.is_broken = False

    async def read(self, *said: object, **_: object) -> Any:  # noqa: ANN401 - as Reading.read
        """By which query it is."""
        query = said[0]
        if query is standing:
            return Standing(WALLET.decode(), 1, "0.00", "IRR")
        if query is not reading.principal_of_key:
            return None
        self.is_asked.set()
        await self.may_answer.wait()
        if self.is_broken:
            raise ConnectionResetError("a database of ours")
        return Principal("key", "shop", Role.ADMIN, id=1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[int]:
    """The statuses in the access log."""
    statuses: asyncio.Queue[int] = asyncio.Queue()

    def add(_: AccessLog, *, status: int, **__: object) -> None:
        statuses.put_nowait(status)

    monkeypatch.setattr(AccessLog, "add", add)
    return statuses


@pytest.fixture
def is_gone(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once the gateway's side knows that its caller has hung up."""
    gone, lost = asyncio.Event(), RequestHandler.connection_lost

    def connection_lost(self: RequestHandler, exc: BaseException | None) -> None:
        lost(self, exc)
        gone.set()

    monkeypatch.setattr(RequestHandler, "connection_lost", connection_lost)
    return gone


@pytest.fixture(autouse=True)
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows a wallet hears nothing of it."""

    async def follow(_: Hub, wallet_id: str, after: int, *__: object, **___: object) -> Follower:
        return Follower(wallet_id, after, Database())  # type: ignore[arg-type]

    monkeypatch.setattr(Hub, "follow", follow)


@pytest.mark.parametrize("path", [EVENTS, b"/v1/stream"])
async def test_who_hangs_up_while_we_look_is_no_error_of_ours(
    path: bytes, told: asyncio.Queue[int], is_gone: asyncio.Event
) -> None:
    """There is nobody to begin a stream with; it is counted as a broken request."""
    database = SlowDatabase()
    async with served("required", own=database) as place, asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(*place)
        with capture_logs() as lines:
            writer.write(ASK % (path, place[0].encode(), place[1]))
            await database.is_asked.wait()
            writer.close()
            await is_gone.wait()
            database.may_answer.set()
            assert await told.get() == 400
    assert [line for line in lines if line["event"] == "request failed"] == []


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_connection_of_ours_that_breaks_is_an_error_of_ours(
    told: asyncio.Queue[int], is_gone: asyncio.Event, *, hangs_up: bool
) -> None:
    """As long as the caller is there to be told."""
    database = SlowDatabase()
    database.is_broken = True
    async with served("required", own=database) as place, asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(*place)
        with capture_logs() as lines:
            writer.write(ASK % (EVENTS, place[0].encode(), place[1]))
            await database.is_asked.wait()
            if hangs_up:
                writer.close()
                await is_gone.wait()
            database.may_answer.set()
            assert await told.get() == (400 if hangs_up else 500)
            if not hangs_up:
                assert (await reader.readline()).startswith(b"HTTP/1.1 500 ")
        writer.close()
    failures = [line for line in lines if line["event"] == "request failed"]
    assert [line["error"] for line in failures] == ([] if hangs_up else ["a database of ours"])
