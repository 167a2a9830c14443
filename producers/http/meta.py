"""What is no service's own: health, results looked up later, the description of all paths."""

from functools import cache
from typing import Any, ClassVar, Final, Literal

import msgspec
from pydantic import BaseModel, RootModel

from producers.http import fields, reading
from producers.http.answers import Answer, json_of
from producers.http.description import openapi
from producers.http.errors import EarlyError
from producers.http.own_results import of_owner
from producers.http.people.access import Access
from producers.http.people.principal import Principal
from producers.http.route import Asked, Route
from producers.http.v1.fields import Closed
from producers.http.v1.problems import problem
from producers.http.yaml import yaml_of
from schemas import results

FAMILY: Final = "gateway"
YAML_TYPE: Final = "application/vnd.oai.openapi"


class Health(BaseModel):
    """How the gateway is."""

    status: Literal["ok", "not ok"]
    waiting: int
    database: bool


class Index(BaseModel):
    """Where to go on from here."""

    description: str
    swagger_ui: str
    redoc: str
    messages: str
    errors: str
    console: str
    health: str


class Detail(BaseModel):
    """Why not."""

    detail: str


class Description(RootModel[dict[str, Any]]):
    """The description of all paths."""

    media_type: ClassVar[str] = "application/vnd.oai.openapi+json"


class ResultQuery(Closed):
    """Whose command it was: the source that the 202 named.

    With a content's fingerprint it is the answer to this content: others under the id are refused.
    """

    source: fields.Text
    fingerprint: fields.Text | None = None


class SchemaQuery(BaseModel):
    """How the description is written."""

    format: fields.Text = "yaml"


INDEX: Final = Index(
    description="/api/schema/",
    swagger_ui="/api/schema/swagger-ui/",
    redoc="/api/schema/redoc/",
    messages="/docs/messages",
    errors="/docs/errors",
    console="/console",
    health="/healthz",
)


async def index(_asked: Asked) -> Answer:
    """Say where the pages are, to somebody who has only the address."""
    return Answer(INDEX.model_dump())


async def health(asked: Asked) -> Answer:
    """Say whether the database answers, and how many requests wait for the ledger."""
    try:
        is_there = await asked.gateway.reading.read(reading.answers)
    except EarlyError:
        is_there = False
    told = {"waiting": asked.gateway.asking.waiting, "database": is_there}
    if is_there:
        return Answer({"status": "ok", **told})
    return Answer({"status": "not ok", **told}, 503)


async def result(asked: Asked) -> Answer:
    """The result of a command, byte for byte as on the results topic.

    Who does not see all wallets gets nothing of another's.
    """
    source, command_id = asked.query.source, asked.path["command_id"]
    fingerprint = asked.query.fingerprint
    text = await asked.gateway.reading.read(reading.answer_text, source, command_id, fingerprint)
    if text is not None:
        found = results.decode(text)
        asked.rights.see(found.wallet_id)
        own = found if asked.who.reads_all else of_owner(found)
        return Answer(text.encode() if own is found else msgspec.json.encode(own))
    if not may_wait_for(asked.who, source, command_id):
        asked.rights.see_all()
    else:
        asked.rights.see(asked.who.wallet_id)
    raise problem("result_not_found", "There is no result of this command, or not yet.")


def may_wait_for(who: Principal, source: str, command_id: str) -> bool:
    """Whether a command without a result is one that somebody has sent, by its name.

    Under /v1/ people have sources of their own, elsewhere their name stands in front of the id.
    """
    is_own = source.endswith(f"/{who.label}") or command_id.startswith(f"{who.label}:")
    return who.wallet_id is not None and is_own


async def schema(asked: Asked) -> Answer:
    """The OpenAPI document: YAML, or JSON where it is asked for."""
    is_json = asked.query.format.lower() in {"json", "openapi-json"}
    kind = Description.media_type if is_json else f"{YAML_TYPE}; charset=utf-8"
    return Answer(_json() if is_json else _yaml(), headers={"Content-Type": kind})


@cache
def _document() -> dict[str, Any]:
    """It is the same for everybody: made once, a tenth of a second, and its texts once as well."""
    from producers.http.routes import ROUTES  # noqa: PLC0415 - the table names this module

    return openapi.document(ROUTES)


@cache
def _json() -> bytes:
    return json_of(_document())


@cache
def _yaml() -> bytes:
    return yaml_of(_document()).encode()


ROUTES: Final = (
    Route(
        method="GET", path="/", handler=index, family=FAMILY, slash=False,
        access=Access.PUBLIC,
        summary="Where everything is", answers={200: Index},
    ),
    Route(
        method="GET", path="/healthz", handler=health, family=FAMILY, slash=False,
        access=Access.PUBLIC,
        summary="Is the gateway well?", answers={200: Health, 503: Health},
    ),
    Route(
        method="GET", path="/v1/results/{command_id:text}", handler=result, family=FAMILY,
        access=Access.HANDLER,
        slash=False, summary="The result of a command that was answered with 202",
        query=ResultQuery, answers={200: dict, 404: None},
    ),
    Route(
        method="GET", path="/api/schema", handler=schema, family=FAMILY,
        access=Access.PUBLIC,
        summary="This document", query=SchemaQuery, answers={200: Description},
        texts=(YAML_TYPE,),
    ),
)  # fmt: skip
