"""The OpenAPI 3.1 document of a table of routes."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from producers.http.description.described import FAMILIES, REASONS, REFUSALS, SHARED, TITLE, WORDS
from producers.http.people.access import Access
from producers.http.people.described import SCHEMES, security_of
from producers.http.reading_bodies import JSON_TYPE
from producers.http.route import Route, Shape
from producers.http.v1.problems import PREFIX

_KINDS: Final[dict[str, dict[str, Any]]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "integer": {"type": "integer", "minimum": 1},
    "text": {"type": "string"},
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """All paths with their bodies and answers."""
    routes = [route for route in routes if route.is_described]
    wanted = [(shape, mode) for route in routes for shape, mode in _shapes(route)]
    schemas, definitions = _schemas(wanted)
    paths: dict[str, Any] = {}
    for route in routes:
        path = f"{route.plain_path}/" if route.slash else route.plain_path
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": "1", "description": WORDS},
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": [_tag(name) for name in dict.fromkeys(route.family for route in routes)],
        "paths": paths,
        "components": {
            "schemas": {**definitions, **SHARED},
            "responses": REFUSALS,
            "securitySchemes": SCHEMES,
        },
    }


_Schemas = dict[tuple[str, JsonSchemaMode], dict[str, Any]]


def _shapes(route: Route) -> Iterable[tuple[Shape, JsonSchemaMode]]:
    if route.body is not None:
        yield route.body, "validation"
    for shape in route.answers.values():
        if shape is not None:
            yield shape, "serialization"


def _schemas(
    wanted: Sequence[tuple[Shape, JsonSchemaMode]],
) -> tuple[_Schemas, dict[str, Any]]:
    """The schema of every shape, and the definitions that they refer to."""
    inputs = {(str(shape), mode): TypeAdapter(shape) for shape, mode in wanted}
    found, defined = TypeAdapter.json_schemas(
        [(name, name[1], adapter) for name, adapter in inputs.items()],
        ref_template="#/components/schemas/{model}",
    )
    return {name: found[name, name[1]] for name in inputs}, defined.get("$defs", {})


def _tag(family: str) -> dict[str, str]:
    shown, words = FAMILIES.get(family, (family, ""))
    return {"name": family, "x-displayName": shown, "description": words}


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    own = {
        status: shape for status, shape in sorted(route.answers.items()) if _is_own(route, status)
    }
    said: dict[str, Any] = {
        "operationId": f"{route.family}_{route.handler.__name__}",
        "tags": [route.family],
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {
            **{str(status): _answer(route, status, each, schemas) for status, each in own.items()},
            **{
                str(status): {"$ref": f"#/components/responses/{status}"}
                for status in _shared(route)
                if status not in own
            },
        },
    }
    said["security"] = security_of(route.access)
    if route.body is not None:
        schema = schemas[str(route.body), "validation"]
        said["requestBody"] = {
            "required": any(each.is_required() for each in route.body.model_fields.values()),
            "content": {kind: {"schema": schema} for kind in route.body_types},
        }
    if route.method != "GET":
        said["parameters"].append(_NEEDED_KEY if route.needs_key else _KEY)
    for status, header in _CONDITIONS.items():
        if status in route.answers:
            said["parameters"].append(header)
    return said


_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key again gets the first answer; nothing is done twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


_NEEDED_KEY: Final = {
    **_KEY,
    "description": "Needed, but for a dry run. The same key again gets the first answer, marked"
    " with Idempotency-Replayed; nothing is done twice.",
    "examples": {"a UUID": {"value": "5b0c7c1e-4a86-4c8e-9d11-6f7a8e3b2c10"}},
}


_CONDITIONS: Final = {
    304: {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that you have: while it is the same, the answer is a 304.",
        "schema": {"type": "string"},
    },
    412: {
        "name": "If-Match",
        "in": "header",
        "description": "Do it only to the version with this ETag; to another one it is not done.",
        "schema": {"type": "string"},
    },
}
"""Answer that it leads to -> the header of a condition."""


def _path_parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name, kind in route.kinds.items():
        yield {"name": name, "in": "path", "required": True, "schema": _KINDS[kind]}


def _query_parameters(route: Route) -> Iterable[dict[str, Any]]:
    if route.query is None:
        return
    own = route.query.model_json_schema()
    for name, schema in own["properties"].items():
        required = name in own.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": schema}


def _is_own(route: Route, status: int) -> bool:
    """Whether an answer has a shape of its own: refusals of the API have one for all."""
    is_refusal = status >= HTTPStatus.BAD_REQUEST and str(status) in REFUSALS
    return not (is_refusal and route.path.startswith(PREFIX)) or hasattr(
        route.answers[status], "media_type"
    )


def _shared(route: Route) -> list[int]:
    """The answers that a request may get whatever its route does, and those it names only."""
    wanted = {400, 403, 429, 500, 503, *route.answers}
    if route.access is not Access.PUBLIC:
        wanted |= {401}
    if route.method != "GET":
        wanted |= {202, 408, 413, 415}
    if route.kinds:
        wanted |= {404}
    return sorted(wanted)


def _answer(route: Route, status: int, shape: Shape, schemas: _Schemas) -> dict[str, Any]:
    said: dict[str, Any] = {"description": REASONS.get(status, "See the body")}
    if shape is not None:
        schema = schemas[str(shape), "serialization"]
        if status >= HTTPStatus.BAD_REQUEST and not hasattr(shape, "media_type"):
            schema = {"anyOf": [schema, {"$ref": "#/components/schemas/Refusal"}]}
        said["content"] = {getattr(shape, "media_type", JSON_TYPE): {"schema": schema}}
        if status == HTTPStatus.OK:
            texts = {kind: {"schema": {"type": "string"}} for kind in route.texts}
            said["content"].update(texts)
    return said
