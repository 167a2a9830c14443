"""A WebSocket on which one follows many wallets.

-> {"action": "follow", "wallet_id": "...", "after": 17}
<- {"event": "following", "data": {"wallet_id": "...", "sequence": 21, "balance": "5.00", ...}}
<- {"event": "change", "data": {...}}        as in server-sent events, from sequence 18 on
-> {"action": "leave", "wallet_id": "..."}
<- {"event": "left", "data": {"wallet_id": "..."}}
<- {"event": "error", "data": {"wallet_id": "...", "status": 403, "detail": ...}}
"""

import asyncio
import json
from contextlib import suppress
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

from producers.http.answers import Answer
from producers.http.errors import EarlyError, detail
from producers.http.live.changes import Told
from producers.http.live.follower import Follower, Sign
from producers.http.live.sending import (
    FAST,
    LIFE_SECONDS,
    OLD,
    SLOW,
    STOP,
    WRITE_SECONDS,
    shown,
    standing_of,
    start_of,
)
from producers.http.reading_bodies import JSON_TYPE, data_of
from producers.http.route import Asked
from schemas import identifiers

WALLETS: Final = 100
"""Most wallets that one socket follows."""

IDLE_SECONDS: Final = 30.0
"""A socket that follows nothing for so long is closed."""

BEAT_SECONDS: Final = 20.0
MESSAGE_BYTES: Final = 4096

_ENDS: Final = {
    Sign.SLOW: (WSCloseCode.TRY_AGAIN_LATER, SLOW),
    Sign.STOP: (WSCloseCode.GOING_AWAY, STOP),
}


async def stream(asked: Asked) -> Answer:
    """Follow wallets over a WebSocket; it is told which by its messages."""
    asked.rights.were_asked = True  # they are, for each wallet that a message names

    async def take_over(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=BEAT_SECONDS, max_msg_size=MESSAGE_BYTES)
        if not socket.can_prepare(request):
            raise detail(
                400, "This path speaks WebSocket; server-sent events are at /v1/wallets/ID/events."
            )
        await socket.prepare(request)
        await Conversation(asked, socket, request.transport).hold()
        return socket

    return Answer(None, takes_over=take_over)


class Conversation:
    """One socket, and a task for each wallet that it follows."""

    def __init__(
        self,
        asked: Asked,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
    ) -> None:
        self._asked = asked
        self._hub = asked.gateway.live
        self._socket = socket
        self._transport = transport
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._writing = asyncio.Lock()

    async def hold(self) -> None:
        """Hear and tell until one of the two has had enough."""
        self._hub.sockets.add(self)
        try:
            async with asyncio.timeout(LIFE_SECONDS):
                await self._hear()
        except TimeoutError:
            await self._close(WSCloseCode.GOING_AWAY, OLD)
        finally:
            self._hub.sockets.discard(self)
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Say that the gateway stops."""
        await self._close(WSCloseCode.GOING_AWAY, STOP)

    async def _hear(self) -> None:
        while not self._socket.closed:
            try:
                message = await self._socket.receive(None if self._tasks else IDLE_SECONDS)
            except TimeoutError:
                if self._tasks:
                    continue
                await self._close(WSCloseCode.POLICY_VIOLATION, "Nothing was followed.")
                return
            if message.type is WSMsgType.TEXT:
                if await self._keeps_pace():
                    await self._take(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._close(WSCloseCode.UNSUPPORTED_DATA, "Messages are JSON texts.")
            else:
                return

    async def _keeps_pace(self) -> bool:
        """Count a message as the request that it is; the socket ends where there are too many."""
        try:
            self._asked.gateway.entrance.hear(self._asked.who, self._asked.address)
        except EarlyError:
            await self._close(WSCloseCode.POLICY_VIOLATION, FAST)
            return False
        return True

    async def _take(self, text: str) -> None:
        """Do what a message asks; what it cannot have is answered."""
        wallet_id = None
        try:
            said = data_of(JSON_TYPE, text.encode(errors="replace"))
            wallet_id = _wallet_of(said)
            assert isinstance(said, dict), "looked at before"
            match said.get("action"):
                case "follow":
                    await self._follow(wallet_id, said.get("after"))
                case "leave":
                    await self._leave(wallet_id)
                case _:
                    raise detail(400, 'The action is "follow" or "leave".')
        except EarlyError as early:
            answer = early.answer
            words = answer.body if isinstance(answer.body, dict) else {"detail": str(answer.body)}
            told = {"wallet_id": wallet_id, "status": answer.status, **words}
            await self._send("error", json.dumps(told).encode())

    async def _follow(self, wallet_id: str, after: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        self._asked.rights.see(wallet_id)
        if after is not None and (isinstance(after, bool) or not isinstance(after, int)):
            raise detail(400, "after: a valid integer is required.")
        if wallet_id in self._tasks:
            raise detail(409, "This wallet is followed already.")
        if len(self._tasks) >= WALLETS:
            raise detail(429, f"A socket follows at most {WALLETS} wallets.")
        standing = await standing_of(self._asked, wallet_id)
        start, sees_all = start_of(standing, after), self._asked.who.reads_all
        follower = await self._hub.follow(wallet_id, start, sees_all=sees_all)
        try:
            await self._send("following", json.dumps(shown(standing)).encode())
        except BaseException:
            self._hub.leave(follower)
            raise
        self._tasks[wallet_id] = asyncio.create_task(self._tell(follower))

    async def _leave(self, wallet_id: str) -> None:
        task = self._tasks.pop(wallet_id, None)
        if task is None:
            raise detail(404, "This wallet is not followed.")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._send("left", json.dumps({"wallet_id": wallet_id}).encode())

    async def _tell(self, follower: Follower) -> None:
        try:
            async for each in follower.told():
                if isinstance(each, Told):
                    await self._send(each.name, each.data)
                elif each in _ENDS:
                    await self._close(*_ENDS[each])
        finally:
            self._hub.leave(follower)

    async def _send(self, name: str, data: bytes) -> None:
        text = b'{"event":"%s","data":%s}' % (name.encode(), data)
        try:
            async with asyncio.timeout(WRITE_SECONDS), self._writing:
                await self._socket.send_str(text.decode())
        except (TimeoutError, ConnectionError):
            self._abort()

    async def _close(self, code: int, words: str) -> None:
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(WRITE_SECONDS):
                await self._socket.close(code=code, message=words.encode())

    def _abort(self) -> None:
        """Cut off who takes nothing: what it waits for in `_hear` ends then."""
        if self._transport is not None:
            self._transport.abort()


def _wallet_of(said: object) -> str:
    """The wallet that a message names. Raises EarlyError 400."""
    named = said.get("wallet_id") if isinstance(said, dict) else None
    if not isinstance(named, str) or not identifiers.is_uuid(named.lower()):
        raise detail(400, "wallet_id: a UUID is needed.")
    return named.lower()
