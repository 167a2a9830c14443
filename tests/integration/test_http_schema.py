"""The description of all paths, and the two pages that show it without the internet."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import openapi_spec_validator
import pytest
import yaml

from producers.http.description.docs import POLICY
from producers.http.routes import ROUTES
from schemas.settings import Settings
from tests.browsers import CHROMIUM, browser
from tests.gateways import GatewayProcess

pytestmark = pytest.mark.integration

PAGES = ("/api/schema/swagger-ui/", "/api/schema/redoc/")
SHOWN = ("sold from the credit given", "Sell a charge to a phone")
"""What stands on each page: what a family is about on the first, whose operations are folded up."""


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
        (method.upper(), path.rstrip("/") or "/")
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
    async with browser(tmp_path) as page:
        for path, shown in zip(PAGES, SHOWN, strict=True):
            text = "document.body.innerText"
            await page.go(f"{gateway.base}{path}", f"{text}.includes({json.dumps(shown)})")
            assert "Wallet Streams" in await page.value(text)
        # ReDoc would show its makers' logo from their server: the policy keeps it from asking.
        assert [each for each in page.wrong if "logo-mini.svg" not in each] == []
