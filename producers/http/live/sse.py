"""A wallet's changes as server-sent events (text/event-stream), for `EventSource` and curl -N."""

import asyncio
import json
from contextlib import suppress
from typing import Final

from aiohttp import web

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import wrong_field
from producers.http.live.changes import Told
from producers.http.live.follower import Follower, Sign
from producers.http.live.reading_changes import Standing
from producers.http.live.sending import (
    LIFE_SECONDS,
    OLD,
    SLOW,
    STOP,
    WRITE_SECONDS,
    sequence_of,
    shown,
    standing_of,
    start_of,
)
from producers.http.route import Asked
from producers.http.v1.fields import Closed

LAST: Final = "Last-Event-ID"
RETRY_MS: Final = 1000

_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # a proxy in front must not collect it
}
_ENDS: Final = {Sign.SLOW: SLOW, Sign.STOP: STOP}


class EventsQuery(Closed):
    """From where on: the changes after this sequence; without it those that are to come."""

    after: fields.Whole | None = None


async def events(asked: Asked) -> Answer:
    """Follow a wallet: its balance changes and its refused commands, as they happen."""
    standing = await standing_of(asked, asked.path["wallet_id"])
    start = start_of(standing, _after(asked))

    async def take_over(request: web.Request) -> web.StreamResponse:
        follower = await asked.gateway.live.follow(
            standing.wallet_id, start, lambda: request.transport is None,
            sees_all=asked.who.reads_all,
        )  # fmt: skip
        try:
            return await _stream(request, standing, follower)
        finally:
            asked.gateway.live.leave(follower)

    return Answer(None, takes_over=take_over)


def _after(asked: Asked) -> int | None:
    """What a browser says when it comes again goes before what its address says."""
    last = asked.headers.get(LAST)
    if not last:
        found: int | None = asked.query.after
        return found
    after = sequence_of(last)
    if after is None:
        raise wrong_field(LAST, "A valid integer is required.")
    return after


async def _stream(
    request: web.Request, standing: Standing, follower: Follower
) -> web.StreamResponse:
    response = web.StreamResponse(headers={**_HEADERS, "X-Request-ID": request["id"]})
    await response.prepare(request)
    with suppress(ConnectionError):
        try:
            async with asyncio.timeout(LIFE_SECONDS):
                await _tell(response, standing, follower)
        except TimeoutError:
            await _write(response, _event("end", json.dumps({"detail": OLD}).encode()))
        except _StuckError:
            if request.transport is not None:
                request.transport.abort()
    return response


class _StuckError(Exception):
    """Nothing is taken."""


async def _tell(response: web.StreamResponse, standing: Standing, follower: Follower) -> None:
    opening = f"retry: {RETRY_MS}\n".encode()
    told = json.dumps(shown(standing)).encode()
    await _write(response, opening + _event("following", told))
    async for each in follower.told():
        await _write(response, _text(each))


def _text(each: Told | Sign) -> bytes:
    if isinstance(each, Told):
        return _event(each.name, each.data, each.sequence)
    if each is Sign.BEAT:
        return b": still here\n\n"
    return _event("end", json.dumps({"detail": _ENDS[each]}).encode())


def _event(name: str, data: bytes, sequence: int | None = None) -> bytes:
    """One event; only a change has an id, so that a browser comes again after the last one."""
    start = f"id: {sequence}\n" if sequence is not None else ""
    return b"%sevent: %s\ndata: %s\n\n" % (start.encode(), name.encode(), data)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write(data)
    except TimeoutError:
        raise _StuckError from None
