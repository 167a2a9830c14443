"""A browser for tests: Debian's chromium, which reaches loopback only and tells what went wrong."""

import asyncio
import base64
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

CHROMIUM: Final = shutil.which("chromium")
SECONDS: Final = 100.0
NOWHERE: Final = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


class Page:
    """A page: what it shows, what it asks for, what it complains of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._turn = 0
        self.wrong: list[str] = []
        self.asked: list[str] = []

    async def order(self, method: str, **params: object) -> dict[str, Any]:
        """Have the browser do something; what it answers."""
        self._turn += 1
        own = self._turn
        await self._socket.send_json({"id": own, "method": method, "params": params})
        async with asyncio.timeout(SECONDS):
            while (said := await self._socket.receive_json()).get("id") != own:
                self._note(said.get("method"), said.get("params", {}))
        assert "error" not in said, said
        found: dict[str, Any] = said["result"]
        return found

    async def go(self, place: str, shown: str = "document.readyState === 'complete'") -> None:
        """Open a place, and wait until an expression is true there."""
        await self.order("Page.navigate", url=place)
        await self.until(shown)

    async def value(self, expression: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """What an expression is on the page."""
        said = await self.order("Runtime.evaluate", expression=expression, returnByValue=True)
        return said["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true; a page that is just left has none."""
        async with asyncio.timeout(SECONDS):
            found = None
            while found is not True:
                found = await self.value(expression)
                await asyncio.sleep(0.05)  # a page tells nobody that it is complete

    async def picture(self, path: Path) -> None:
        """Keep what is seen."""
        said = await self.order("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(said["data"]))

    def _note(self, method: str | None, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        is_error = told.get("entry", {}).get("level") == "error"
        is_said = method == "Runtime.consoleAPICalled" and told["type"] == "error"
        if method == "Runtime.exceptionThrown" or is_error or is_said:
            self.wrong.append(json.dumps(told))


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A page of a browser of its own."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--no-proxy-server",
        f"--host-resolver-rules={NOWHERE}",
        f"--user-data-dir={folder}",
        "--remote-debugging-port=0",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        port = await _port(process)
        async with (
            aiohttp.ClientSession() as session,
            session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer,
            session.ws_connect(
                (await answer.json())["webSocketDebuggerUrl"], max_msg_size=0
            ) as socket,
        ):
            page = Page(socket)
            for name in ("Page", "Runtime", "Log", "Network"):
                await page.order(f"{name}.enable")
            yield page
    finally:
        process.terminate()
        await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> int:
    """Where it takes orders."""
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        async for line in process.stderr:
            if found := re.search(rb"DevTools listening on ws://127.0.0.1:(\d+)/", line):
                return int(found[1])
    raise AssertionError("the browser does not start")
