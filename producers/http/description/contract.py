"""The contract of the topics for other languages: AsyncAPI, JSON Schemas, test vectors, a page."""

from functools import cache
from typing import Any, ClassVar, Final

from pydantic import BaseModel, RootModel

from producers.http.answers import Answer, json_of
from producers.http.description import contract_page
from producers.http.errors import not_found
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.yaml import yaml_of
from schemas import asyncapi, vectors
from schemas.jsonschemas import MESSAGES, message_schema
from schemas.topics import Topics

FAMILY: Final = "gateway"
PAGE: Final = "/docs/messages"

_YAML: Final = {"Content-Type": "application/yaml; charset=utf-8"}
_SCHEMA: Final = {"Content-Type": "application/schema+json"}
_PAGE_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": contract_page.POLICY,
    "Cache-Control": "no-cache",
}


class SchemaLine(BaseModel):
    """A message's type, and where its JSON Schema is."""

    type: str
    url: str


class SchemaLines(BaseModel):
    """All of them."""

    data: list[SchemaLine]


class JsonSchema(RootModel[dict[str, Any]]):
    """A JSON Schema 2020-12 of a message: in structured mode; `#/properties/data` in binary."""

    media_type: ClassVar[str] = "application/schema+json"


async def asyncapi_json(asked: Asked) -> Answer:
    """The AsyncAPI document of this ledger's topics."""
    return Answer(_json(*_brokers(asked)))


async def asyncapi_yaml(asked: Asked) -> Answer:
    """The same as YAML."""
    return Answer(_yaml(*_brokers(asked)), headers=_YAML)


async def vectors_file(asked: Asked) -> Answer:
    """The file as it is."""
    del asked
    return Answer(vectors.text(), headers={"Content-Type": "application/json"})


async def message_schemas(asked: Asked) -> Answer:
    """Where the schema of each message is."""
    return Answer(
        {"data": [{"type": name, "url": f"{asked.base}/schemas/{name}.json"} for name in MESSAGES]}
    )


async def message_schema_of(asked: Asked) -> Answer:
    """The schema of one message, by its type, with or without `.json` behind it."""
    name = asked.path["name"].removesuffix(".json")
    if name not in MESSAGES:
        raise not_found()
    return Answer(message_schema(name), headers=_SCHEMA)


async def page(asked: Asked) -> Answer:
    """All of it for people."""
    return Answer(_page(*_brokers(asked)), headers=_PAGE_HEADERS)


def _brokers(asked: Asked) -> tuple[Topics, str]:
    """The topics, and where they are: strangers are not told, where there may be any."""
    settings = asked.gateway.settings
    is_open = settings.http_logins == "open"
    return settings.topics, settings.kafka_bootstrap if is_open else asyncapi.BOOTSTRAP


@cache
def _document(topics: Topics, bootstrap: str) -> dict[str, Any]:
    return asyncapi.document(topics, bootstrap)


@cache
def _json(topics: Topics, bootstrap: str) -> bytes:
    return json_of(_document(topics, bootstrap))


@cache
def _yaml(topics: Topics, bootstrap: str) -> bytes:
    return yaml_of(_document(topics, bootstrap)).encode()


@cache
def _page(topics: Topics, bootstrap: str) -> bytes:
    return contract_page.page_of(_document(topics, bootstrap)).encode()


ROUTES: Final = (
    Route(
        method="GET", path="/asyncapi.json", handler=asyncapi_json, family=FAMILY, slash=False,
        access=Access.PUBLIC,
        summary="The AsyncAPI 3 document of all topics", answers={200: dict},
    ),
    Route(
        method="GET", path="/asyncapi.yaml", handler=asyncapi_yaml, family=FAMILY, slash=False,
        access=Access.PUBLIC, is_described=False,
        summary="The AsyncAPI 3 document as YAML", answers={200: None},
    ),
    Route(
        method="GET", path="/schemas", handler=message_schemas, family=FAMILY, slash=False,
        access=Access.PUBLIC,
        summary="The JSON Schemas of all messages", answers={200: SchemaLines},
    ),
    Route(
        method="GET", path="/schemas/vectors.json", handler=vectors_file, family=FAMILY,
        slash=False, access=Access.PUBLIC,
        summary="Test vectors for producers and consumers", answers={200: dict},
    ),
    Route(
        method="GET", path="/schemas/{name:text}", handler=message_schema_of, family=FAMILY,
        slash=False, access=Access.PUBLIC,
        summary="The JSON Schema of a message", answers={200: JsonSchema, 404: None},
    ),
    Route(
        method="GET", path=PAGE, handler=page, family=FAMILY, slash=False, is_described=False,
        access=Access.PUBLIC,
        summary="The topics and their messages, for people", answers={200: None},
    ),
)  # fmt: skip
