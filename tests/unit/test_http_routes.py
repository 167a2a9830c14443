"""The table of routes, and the documents that are made of it."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import openapi_spec_validator
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from producers.http import meta
from producers.http.answers import Answer
from producers.http.description import contract, openapi
from producers.http.errors import EarlyError
from producers.http.route import Asked
from producers.http.routes import ROUTES
from producers.http.serving import ServingError, refuse_open
from producers.http.yaml import yaml_of
from schemas.settings import Settings

PRINTED = st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_categories=["C", "Z"])
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(PRINTED)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner)
)
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
NEVER_YAML = {"<<", "="}


def test_no_two_routes_take_the_same_request() -> None:
    """Nor have two operations one id."""
    served = Counter((route.method, route.plain_path) for route in ROUTES)
    assert [key for key, times in served.items() if times > 1] == []
    ids = Counter((route.family, route.handler.__name__) for route in ROUTES)
    assert [key for key, times in ids.items() if times > 1] == []


def test_every_route_says_what_it_answers() -> None:
    """A summary, and at least one answer that is no refusal."""
    for route in ROUTES:
        assert route.summary
        assert min(route.answers) < 300
        assert "{" not in route.plain_path or 404 in route.answers or route.method == "GET"


@pytest.mark.parametrize(
    ("path", "texts", "status"),
    [
        ("/wallets/{uuid:uuid}", {"uuid": "x"}, 404),
        ("/wallets/{uuid:uuid}/transactions/{id:integer}", {"uuid": "0" * 36, "id": "1"}, 404),
        ("/v1/results/{command_id:text}", {"command_id": "\0"}, 404),
    ],
)
def test_a_part_that_is_none_is_not_found(path: str, texts: dict[str, str], status: int) -> None:
    """As if the path led nowhere."""
    route = next(route for route in ROUTES if route.path == path)
    with pytest.raises(EarlyError) as early:
        route.parts(texts)
    assert early.value.answer.status == status


def test_the_document_is_openapi() -> None:
    """Its schemas are schemas, its references lead somewhere, its path parameters are named."""
    document = openapi.document(ROUTES)
    openapi_spec_validator.validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    named = set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(document)))
    assert json.dumps(document).count('"$ref"') >= len(named) > 10
    assert {(kind, name) for kind, name in named if name not in document["components"][kind]} == (
        set()
    )
    for path, operations in document["paths"].items():
        for operation in operations.values():
            inside = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
            assert inside == [part[1:-1] for part in path.split("/") if part.startswith("{")]
            assert operation["responses"]
    assert yaml.safe_load(yaml_of(document)) == document


@pytest.mark.parametrize(
    ("handler", "form"),
    [
        (meta.schema, "yaml"),
        (meta.schema, "json"),
        (contract.asyncapi_json, ""),
        (contract.asyncapi_yaml, ""),
    ],
)
def test_a_document_is_written_once(
    handler: Callable[[Asked], Coroutine[Any, Any, Answer]], form: str
) -> None:
    """Anybody may ask, and while it is being written, a tenth of a second, nobody is served."""
    gateway = SimpleNamespace(settings=Settings())
    asked = SimpleNamespace(gateway=gateway, query=meta.SchemaQuery(format=form))
    first, second = (asyncio.run(handler(cast("Asked", asked))).body for _ in range(2))
    assert isinstance(first, bytes)
    assert first is second
    assert yaml.safe_load(first)["info"]["title"]


@settings(deadline=None)  # a busy machine is no error
@given(document=st.dictionaries(NAMES, VALUES))
def test_yaml_is_read_as_it_was_meant(document: dict[str, object]) -> None:
    """By another's reader: every text stays a text, every name a name."""
    said = {name: part for name, part in document.items() if name not in NEVER_YAML}
    assert (yaml.safe_load(yaml_of(said)) or {}) == said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "localhost", "", "127.0.0.1:80"])  # noqa: S104
def test_a_network_is_refused(host: str) -> None:
    """Where no logins are required, and nothing that is no address will do at all."""
    with pytest.raises(ServingError, match="WALLET_HTTP_HOST"):
        refuse_open(host, "open")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_will_do(host: str) -> None:
    """In both families of addresses."""
    assert refuse_open(host, "open") is None  # type: ignore[func-returns-value]
