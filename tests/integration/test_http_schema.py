"""The description of all paths, and the two pages that show it without the internet."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import openapi_spec_validator
import pytest
import yaml

from producers.http.docs import POLICY
from producers.http.routes import ROUTES
from schemas.settings import Settings
from tests.gateways import GatewayProcess

pytestmark = pytest.mark.integration

PAGES = ("/api/schema/swagger-ui/", "/api/schema/redoc/")
SHOWN = ("sold from the credit given", "Sell a charge to a phone")
"""What stands on each page: what a family is about on the first, whose operations are folded up."""

CHROMIUM: Final = shutil.which("chromium")
BROWSER_SECONDS = 100.0
LOOK = {"expression": "document.body.innerText"}
NOWHERE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway of a ledger on which nobody works: nothing here asks it."""
    with GatewayProcess(new_ledger(), tmp_path_factory.mktemp("gateway") / "log") as made:
        yield made
    assert "Traceback" not in made.said


def test_the_document_is_valid_and_whole(gateway: GatewayProcess) -> None:
    """YAML unless JSON is asked for; every path that is not for browsers only."""
    document = gateway.get("/api/schema/?format=json")
    openapi_spec_validator.validate(document)
    reply = gateway("GET", "/api/schema")
    assert reply.headers["Content-Type"].startswith("application/vnd.oai.openapi;")
    assert yaml.safe_load(reply.body) == document
    told = {
        (method.upper(), path.rstrip("/"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert told == {(route.method, route.plain_path) for route in ROUTES if route.is_described}
    assert document["servers"] == [{"url": "/", "description": "This gateway"}]
    assert all(tag["description"] for tag in document["tags"])


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_from_here_only(gateway: GatewayProcess, path: str) -> None:
    """Its policy lets nothing else be loaded; all that it names is here, under its own type."""
    for place in (path, path.rstrip("/")):
        reply = gateway("GET", place)
        assert reply.status == 200
        assert reply.headers["Content-Security-Policy"] == POLICY
        assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
        named = re.findall(r'(?:src|href)="([^"]*)"', reply.body.decode())
        assert len(named) >= 4
        assert all(each.startswith("/api/schema/") for each in named), named
        assert not re.search(r"<script>|\son\w+=", reply.body.decode())
    for each in named:
        found = gateway("GET", each)
        assert found.status == 200, each
        if "/assets/" in each:
            assert found.headers["X-Content-Type-Options"] == "nosniff"
            is_ours = "/own/" in each
            assert ("immutable" in found.headers["Cache-Control"]) is not is_ours


@pytest.mark.parametrize(
    "name", ["own/x.js", "own/../assets.lock", "own/%2e%2e%2fassets.lock", "x/y", "own/%00"]
)
def test_other_files_are_not_there(gateway: GatewayProcess, name: str) -> None:
    """Whatever is asked for."""
    assert gateway("GET", f"/api/schema/assets/{name}").status == 404


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
async def test_a_browser_shows_both_pages(gateway: GatewayProcess, tmp_path: Path) -> None:
    """With no network but loopback, what the services do is there, and nothing went wrong."""
    async with browser(tmp_path) as port, aiohttp.ClientSession() as session:
        for path, shown in zip(PAGES, SHOWN, strict=True):
            place = f"http://127.0.0.1:{port}/json/new?{gateway.base}{path}"
            async with session.put(place) as answer:
                page = (await answer.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(page, max_msg_size=0) as socket:
                text, wrong = await read_page(socket, shown)
            assert "Wallet Streams" in text
            # ReDoc would show its makers' logo from their server: the policy keeps it from asking.
            assert [each for each in wrong if "logo-mini.svg" not in each] == []


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[int]:
    """A browser that reaches loopback only; the port on which it takes orders."""
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
        assert process.stderr is not None
        async with asyncio.timeout(BROWSER_SECONDS):
            async for line in process.stderr:
                if found := re.search(rb"DevTools listening on ws://127.0.0.1:(\d+)/", line):
                    break
            else:
                raise AssertionError("the browser does not start")
        yield int(found[1])
    finally:
        process.terminate()
        await process.communicate()


async def read_page(socket: aiohttp.ClientWebSocketResponse, shown: str) -> tuple[str, list[str]]:
    """The text of a page once `shown` is in it, and what it complained of."""
    wrong: list[str] = []
    text = ""
    for turn, order in enumerate(("Runtime.enable", "Log.enable")):
        await socket.send_json({"id": turn, "method": order})
    async with asyncio.timeout(BROWSER_SECONDS):
        while shown not in text:
            await socket.send_json({"id": 9, "method": "Runtime.evaluate", "params": LOOK})
            while (said := await socket.receive_json()).get("id") != 9:
                method, told = said.get("method"), said.get("params", {})
                is_error = told.get("entry", {}).get("level") == "error"
                if method == "Runtime.exceptionThrown" or is_error:
                    wrong.append(json.dumps(told))
            text = str(said["result"]["result"].get("value", ""))
            await asyncio.sleep(0.05)  # a page tells nobody that it is complete
    return text, wrong
