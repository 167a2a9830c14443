"""Wallets that are followed live: in order, without gaps, each change once, by who may see it."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import pytest

from producers.http.live.websocket import WALLETS
from schemas.settings import Settings
from tests.gateways import GatewayProcess, served
from tests.people import basic, new_user

pytestmark = pytest.mark.integration

OTHER = "01930f6e-0000-7000-8000-0000000000ff"
PATIENCE = 60.0
FOLLOWERS = 6


class Event(NamedTuple):
    """A server-sent event."""

    name: str
    id: int | None
    text: str

    @property
    def data(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The document in it."""
        return json.loads(self.text)


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway of a ledger with one worker, on which few may follow."""
    made = new_ledger(http_followers_max=FOLLOWERS)
    with served(made, tmp_path_factory.mktemp("served")) as gateway:
        yield gateway


@asynccontextmanager
async def following(
    gateway: GatewayProcess, wallet: str, query: str = "", **headers: str
) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a wallet; the first says where it stands."""
    url = f"{gateway.base}/v1/wallets/{wallet}/events{query}"
    limit = aiohttp.ClientTimeout(total=PATIENCE)
    async with (
        aiohttp.ClientSession(timeout=limit) as session,
        session.get(
            url, headers={name.replace("_", "-"): said for name, said in headers.items()}
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        assert answer.headers["X-Request-ID"]
        yield _events(answer)


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    said: dict[str, str] = {}
    async for line in answer.content:
        name, _, text = line.decode().rstrip("\n").partition(": ")
        if name:
            said[name] = text
        elif "event" in said:
            number = said.get("id")
            yield Event(said["event"], int(number) if number else None, said["data"])
            said = {}


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    """The next events."""
    return [await anext(events) for _ in range(count)]


def deposit(gateway: GatewayProcess, wallet: str, amount: str = "1.00") -> None:
    """Put some money in."""
    reply = gateway("PATCH", f"/api/wallets/{wallet}/deposit/", {"amount": amount})
    assert reply.status == 200, reply


def happenings(gateway: GatewayProcess, wallet: str, other: str) -> None:
    """Some of everything: four changes of the wallet, a refusal of each kind of command between."""
    deposit(gateway, wallet, "100.00")
    path = f"/api/wallets/{wallet}/withdraw/"
    late = {"amount": "7.00", "scheduled_time": "2027-01-01T00:00:00Z", "target": other}
    assert gateway("POST", path, late).status == 201
    sent = {"wallet_id": wallet, "to_wallet_id": other, "amount": "30.00"}
    for turn, status in ((1, 201), (2, 201)):
        key = {"Idempotency-Key": f"{turn} {wallet}"}
        reply = gateway("POST", "/v1/transfers", {**sent, "reference": f"order {turn}"}, key)
        assert reply.status == status, reply
    key = {"Idempotency-Key": f"refused {wallet}"}
    refused = gateway("POST", "/v1/transfers", {**sent, "amount": "1000.00"}, key)
    assert refused.status in {402, 422}, refused


async def test_what_is_heard_is_what_is_read(gateway: GatewayProcess) -> None:
    """Byte for byte, by both sides of a transfer; refusals are told to who listens then."""
    wallet, other = gateway.new_wallet(), gateway.new_wallet()
    async with following(gateway, wallet) as mine, following(gateway, other) as theirs:
        (start,) = await take(mine, 1)
        assert start.data == {
            "wallet_id": wallet, "sequence": 1, "balance": "0.00", "currency": "IRR",
        }  # fmt: skip
        await asyncio.to_thread(happenings, gateway, wallet, other)
        heard = await take(mine, 5)
        heard_theirs = (await take(theirs, 3))[1:]
    changes = [each for each in heard if each.name == "change"]
    assert [each.id for each in changes] == [2, 3, 4, 5]
    assert [each.data["amount"] for each in changes] == ["100.00", "0.00", "-30.00", "-30.00"]
    assert changes[3].data["balance"] == {"before": "70.00", "after": "40.00"}
    assert changes[3].data["reference"] == "order 2"
    assert changes[1].data["withdrawal"]["status"] == "scheduled"
    assert [each.data["amount"] for each in heard_theirs] == ["30.00", "30.00"]
    (rejected,) = (each for each in heard if each.name == "rejected")
    assert (rejected.id, rejected.data["error"]["code"]) == (None, "insufficient_funds")
    async with following(gateway, wallet, "?after=0") as again:
        assert (await take(again, 6))[2:] == changes
    async with following(gateway, wallet, "?after=0", Last_Event_ID="3") as again:
        assert (await take(again, 3))[1:] == changes[2:]
    async with following(gateway, other, "?after=1") as again:
        assert (await take(again, 3))[1:] == heard_theirs


async def test_a_payer_learns_no_balance_of_who_was_paid(gateway: GatewayProcess) -> None:
    """An operator's refund fails for want of the other's money; only who sees all is told of it."""
    sara = new_user(gateway)
    wallet, other, own = sara["wallet_id"], gateway.new_wallet(), basic(sara["username"])
    await asyncio.to_thread(deposit, gateway, wallet, "100.00")
    sent = {"wallet_id": wallet, "to_wallet_id": other, "amount": "30.00"}
    paid = gateway("POST", "/v1/transfers", sent, {"Idempotency-Key": f"pay {wallet}"}).json
    spent = {"wallet_id": other, "to_wallet_id": gateway.new_wallet(), "amount": "26.83"}
    assert gateway("POST", "/v1/transfers", spent, {"Idempotency-Key": f"a {other}"}).status == 201
    async with (
        following(gateway, wallet) as all_of_it,
        following(gateway, wallet, **own) as mine,
        socket_of(gateway, own) as socket,
    ):
        assert (await ask(socket, action="follow", wallet_id=wallet))["event"] == "following"
        for events in (all_of_it, mine):
            await take(events, 1)
        back = {"wallet_id": wallet, "transaction_id": paid["transaction_id"]}
        key = {"Idempotency-Key": f"back {wallet}"}
        refused = await asyncio.to_thread(gateway, "POST", "/v1/refunds", back, key)
        assert (refused.status, refused.json["context"]["available"]) == (402, "3.17")
        (whole,), (part,) = await take(all_of_it, 1), await take(mine, 1)
        told = await socket.receive_json(timeout=PATIENCE)
    assert whole.data["error"]["context"]["available"] == "3.17"
    assert set(whole.data["sequences"]) == {wallet, other}
    assert part.data["error"]["context"] == {}
    assert part.data["sequences"] == {wallet: 3}
    assert "3.17" not in part.text
    assert told == {"event": "rejected", "data": part.data}
    own_id = quote(whole.data["command"]["id"], safe="")
    path = f"/v1/results/{own_id}?source={quote(whole.data['command']['source'], safe='')}"
    assert gateway("GET", path, headers=own).json == part.data
    assert gateway("GET", path).json == whole.data


async def test_nothing_is_missed_by_who_comes_and_goes(gateway: GatewayProcess) -> None:
    """While many deposit at once; each goes on after the last that it has seen."""
    wallet, deposits = gateway.new_wallet(), 60

    async def follow(stay: int) -> list[int]:
        seen: list[int] = []
        while len(seen) < deposits + 1:
            async with following(gateway, wallet, f"?after={len(seen)}") as events:
                await take(events, 1)
                most = min(stay, deposits + 1 - len(seen))
                seen += [int(each.data["sequence"]) for each in await take(events, most)]
        return seen

    with ThreadPoolExecutor(8) as clients:
        done = [clients.submit(deposit, gateway, wallet) for _ in range(deposits)]
        found = await asyncio.gather(follow(1000), follow(7), follow(3))
    assert [each.result() for each in done] == [None] * deposits
    assert list(found) == [list(range(1, deposits + 2))] * 3


@pytest.mark.parametrize(
    ("place", "headers", "status"),
    [
        (f"/v1/wallets/{OTHER}/events", {}, 404),
        ("/v1/wallets/x/events", {}, 404),
        ("/v1/wallets/MINE/events?after=2", {}, 400),
        ("/v1/wallets/MINE/events?after=-1", {}, 400),
        ("/v1/wallets/MINE/events?after=1e5", {}, 400),
        ("/v1/wallets/MINE/events", {"Last-Event-ID": "x"}, 400),
        ("/v1/wallets/MINE/events", {"Last-Event-ID": "9" * 40}, 400),
        ("/v1/stream", {}, 400),
    ],
)
def test_what_cannot_be_followed(
    gateway: GatewayProcess, place: str, headers: dict[str, str], status: int
) -> None:
    """No wallet, a sequence that is not there yet, no WebSocket: an answer, no stream."""
    wallet = gateway.new_wallet()
    reply = gateway("GET", place.replace("MINE", wallet), headers=headers)
    assert reply.status == status, reply
    assert reply.json["status"] == status


async def test_so_many_follow_and_no_more(gateway: GatewayProcess) -> None:
    """One too many is told to come again; who hangs up makes room."""
    wallet = gateway.new_wallet()
    async with AsyncExitStack() as stack:
        for _ in range(FOLLOWERS):
            events = await stack.enter_async_context(following(gateway, wallet))
            await take(events, 1)
        reply = await asyncio.to_thread(gateway, "GET", f"/v1/wallets/{wallet}/events")
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    async with following(gateway, wallet) as events:
        await take(events, 1)
        await asyncio.to_thread(deposit, gateway, wallet)
        assert [each.id for each in await take(events, 1)] == [2]


@asynccontextmanager
async def socket_of(
    gateway: GatewayProcess, headers: dict[str, str] | None = None
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{gateway.base}/v1/stream", headers=headers) as socket,
    ):
        yield socket


async def ask(socket: aiohttp.ClientWebSocketResponse, **said: object) -> Any:  # noqa: ANN401
    """Say something; the next message."""
    await socket.send_json(said)
    return await socket.receive_json(timeout=PATIENCE)


async def test_a_socket_follows_many(gateway: GatewayProcess) -> None:
    """Each from its own sequence; what it cannot have is told, and it goes on."""
    one, two = gateway.new_wallet("5.00"), gateway.new_wallet()
    async with socket_of(gateway) as socket:
        told = await ask(socket, action="follow", wallet_id=one, after=1)
        assert (told["event"], told["data"]["balance"]) == ("following", "5.00")
        told = await socket.receive_json(timeout=PATIENCE)
        assert (told["event"], told["data"]["sequence"]) == ("change", 2)
        assert (await ask(socket, action="follow", wallet_id=two))["event"] == "following"
        for said, status in (
            ({"action": "follow", "wallet_id": two}, 409),
            ({"action": "follow", "wallet_id": OTHER}, 404),
            ({"action": "follow", "wallet_id": "x"}, 400),
            ({"action": "follow", "wallet_id": two.upper(), "after": "1"}, 400),
            ({"action": "leave", "wallet_id": OTHER}, 404),
            ({"action": "dance", "wallet_id": two}, 400),
            ({}, 400),
        ):
            told = await ask(socket, **said)
            assert (told["event"], told["data"]["status"]) == ("error", status), said
        await socket.send_str("[" * 1000)
        assert (await socket.receive_json(timeout=PATIENCE))["data"]["status"] == 400
        await asyncio.to_thread(deposit, gateway, two)
        told = await socket.receive_json(timeout=PATIENCE)
        assert (told["data"]["wallet_id"], told["data"]["sequence"]) == (two, 2)
        told = await ask(socket, action="leave", wallet_id=two)
        assert told == {"event": "left", "data": {"wallet_id": two}}
        await asyncio.to_thread(deposit, gateway, two)
        await asyncio.to_thread(deposit, gateway, one)
        assert (await socket.receive_json(timeout=PATIENCE))["data"]["wallet_id"] == one
    assert WALLETS == 100


async def test_only_who_may_see_a_wallet_follows_it(gateway: GatewayProcess) -> None:
    """Its owner and who sees all, by either way."""
    mine, other = new_user(gateway), new_user(gateway)
    who = basic(mine["username"])
    for wallet, status in ((mine["wallet_id"], 200), (other["wallet_id"], 403)):
        place = f"{gateway.base}/v1/wallets/{wallet}/events"
        async with aiohttp.ClientSession(headers=who) as session, session.get(place) as answer:
            assert answer.status == status
        async with socket_of(gateway, who) as socket:
            told = await ask(socket, action="follow", wallet_id=wallet)
            assert told["data"].get("status", 200) == status


@pytest.mark.parametrize("limit", ["http_rate", "http_address_rate"])
async def test_messages_are_paced_as_requests_are(
    gateway: GatewayProcess, tmp_path: Path, limit: str
) -> None:
    """Each reads the database: who says too much is cut off, and not let in again at once."""
    mine = new_user(gateway)
    who = basic(mine["username"])
    settings = gateway.settings.model_copy(update={limit: 6})
    with GatewayProcess(settings, tmp_path / "gateway.log") as own:
        async with socket_of(own, who) as socket:
            told = await ask(socket, action="follow", wallet_id=mine["wallet_id"])
            assert told["event"] == "following"
            for _ in range(10):
                await socket.send_json({"action": "leave", "wallet_id": OTHER})
            messages = [message async for message in socket]
            assert 0 < len(messages) < 6
            assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        again = own("GET", "/v1/stream", headers=who)
        assert (again.status, int(again.headers["Retry-After"]) > 0) == (429, True)
        assert "Traceback" not in own.said


async def test_who_follows_is_told_of_the_end(gateway: GatewayProcess, tmp_path: Path) -> None:
    """SIGTERM: both ways are closed in words, and the process ends in peace."""
    wallet = gateway.new_wallet()
    with GatewayProcess(gateway.settings, tmp_path / "gateway.log") as own:
        async with following(own, wallet) as events, socket_of(own) as socket:
            await take(events, 1)
            assert (await ask(socket, action="follow", wallet_id=wallet))["event"] == "following"
            own.process.send_signal(signal.SIGTERM)
            (end,) = await take(events, 1)
            assert (end.name, end.id) == ("end", None)
            message = await socket.receive(timeout=PATIENCE)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        assert await asyncio.to_thread(own.process.wait, 30) == 0
        assert "Traceback" not in own.said
