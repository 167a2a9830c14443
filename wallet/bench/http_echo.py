"""What the gateway is compared with: an aiohttp server that answers what it was sent, and no more.

`python -m wallet.bench.http_echo PORT`
"""

import asyncio
import json
import sys

from aiohttp import web


async def echo(request: web.Request) -> web.Response:
    """Read JSON and answer with it, as a gateway without a ledger would."""
    said = json.loads(await request.read() or b"{}")
    return web.Response(body=json.dumps(said).encode(), content_type="application/json")


async def serve(port: int) -> None:
    """Serve on loopback until it is ended."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
