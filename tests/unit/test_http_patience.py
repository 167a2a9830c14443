"""Connections on which nobody asks anything."""

import asyncio

from aiohttp import web

from producers.http.patience import Patience

SECONDS = 0.2
LIMIT = 30.0
ASKED = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


def test_who_never_asks_is_cut_off_and_who_has_asked_stays() -> None:
    """However slowly a first request comes; one that has come whole is answered, and the next."""

    async def run() -> None:
        patience = Patience(SECONDS)

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            patience.note(request)
            return web.Response(text="here")

        server = web.Server(answer)
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        patience.watch(server)
        try:
            async with asyncio.timeout(LIMIT):
                await _look(*runner.addresses[0][:2])
        finally:
            patience.close()
            await runner.cleanup()

    asyncio.run(run())


async def _look(host: str, port: int) -> None:
    polite, to_polite = await asyncio.open_connection(host, port)
    to_polite.write(ASKED)
    assert b"200" in await polite.readline()
    silent, to_silent = await asyncio.open_connection(host, port)
    slow, to_slow = await asyncio.open_connection(host, port)
    to_slow.write(ASKED[:-4])
    assert await _rest(silent) == b""
    assert await _rest(slow) == b""
    to_polite.write(ASKED)
    await polite.readuntil(b"200")
    for each in (to_polite, to_silent, to_slow):
        each.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the other side ends it."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
