"""Errors of the API as RFC 9457 has them: application/problem+json.

    raise problem("not_found", "There is no wallet 0193...", param="wallet_id")

What the door and other modules refuse in Django REST's shapes becomes a problem too, in `told`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

from producers.http.answers import Answer
from producers.http.errors import RETRY_SECONDS, EarlyError, WrongFields
from producers.http.v1.codes import CODES, code_of
from schemas.refusals import Code
from schemas.results import ERRORS_PAGE, AnyResult, Error

TYPE: Final = "application/problem+json"
PREFIX: Final = "/v1/"
_RETRY_LATER: Final = frozenset({"idempotency_key_in_use", "result_not_found", "not_sent"})


class FieldProblem(BaseModel):
    """One wrong field."""

    code: str = Field(description="missing_field, unknown_field or invalid_field")
    param: str = Field(description="The field, with dots where it is within another")
    detail: str = Field(description="What is wrong with it")


class Problem(BaseModel):
    """Why not, for a program (`code`, `param`, `context`) and for a person (`detail`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "/docs/errors#insufficient_funds",
                "title": "Insufficient funds",
                "status": 402,
                "detail": "Insufficient funds. Available balance: 3.00. Required amount: 5.00.",
                "code": "insufficient_funds",
                "param": "amount",
                "retryable": False,
                "context": {"available": "3.00", "required": "5.00", "shortage": "2.00"},
                "doc_url": "/docs/errors#insufficient_funds",
                "request_id": "5d1f0c2e-17",
            }
        }
    )

    media_type: ClassVar[str] = TYPE

    type: str = Field(description="The page about this code: what makes two problems the same")
    title: str = Field(description="The code in words")
    status: int = Field(description="The answer's status")
    detail: str = Field(description="What was wrong this time; the words may change")
    code: str = Field(description="What a program decides by; see /docs/errors")
    param: str | None = Field(None, description="The field at fault")
    retryable: bool = Field(description="Whether the same request may do later")
    context: dict[str, str] = Field({}, description="The ids, amounts and times behind the detail")
    doc_url: str = Field(description="Where the code is explained")
    request_id: str | None = Field(None, description="X-Request-ID of the answer")
    errors: list[FieldProblem] | None = Field(
        None, description="The wrong fields, if many can be: the first 100"
    )
    result: dict[str, Any] | None = Field(None, description="The ledger's result, where there is")


def body_of(
    code: str,
    detail: str,
    *,
    param: str | None = None,
    context: Mapping[str, str] | None = None,
    **more: object,
) -> dict[str, Any]:
    """A problem as a JSON object; `more` are further members. The door adds the request's id."""
    line = CODES[code]
    where = f"{ERRORS_PAGE}#{code}"
    return {
        "type": where,
        "title": line.title,
        "status": line.status,
        "detail": detail,
        "code": code,
        "param": param,
        "retryable": line.is_retryable,
        "context": dict(context or {}),
        "doc_url": where,
        **more,
    }


def problem(
    code: str,
    detail: str,
    *,
    param: str | None = None,
    context: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> EarlyError:
    """An error to raise: of a code of the table, with its status."""
    return EarlyError(answer(body_of(code, detail, param=param, context=context), headers))


def answer(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """The answer that tells a problem."""
    own = {"Content-Type": TYPE, **(headers or {})}
    if body["code"] in _RETRY_LATER or body["status"] in {429, 503}:
        own.setdefault("Retry-After", str(RETRY_SECONDS))
    return Answer(body, body["status"], own)


def refused_body(refusal: Error, result: AnyResult | None = None) -> dict[str, Any]:
    """A refusal of the ledger as a problem; with its result's place, where it has one."""
    more: dict[str, object] = {}
    if result is not None:
        own = {"id": result.command.id, "source": result.command.source}
        more["result"] = {"command": own, "recorded_at": result.recorded_at}
    code = str(Code(refusal.code))
    return body_of(code, refusal.detail, param=refusal.param, context=refusal.context, **more)


def told(path: str, request_id: str, early: EarlyError) -> Answer:
    """An error as its path tells it: under /v1/ a problem, elsewhere as it was raised."""
    given = early.answer
    if not path.startswith(PREFIX) or given.status < 400:  # noqa: PLR2004 - HTTP's own
        return given
    body = given.body
    if not (isinstance(body, dict) and "doc_url" in body):
        body = _translated(given, early.wrong)
    headers = {name: value for name, value in given.headers.items() if name != "Content-Type"}
    return answer({**body, "request_id": request_id}, headers)


def _translated(given: Answer, wrong: WrongFields | None) -> dict[str, Any]:
    """What was said in Django REST's shapes, as a problem."""
    if wrong is not None:
        return _of_fields([_field_problem(each) for each in wrong.first], wrong.more)
    body = dict(given.body) if isinstance(given.body, dict) else {}
    code = str(body.pop("code", "")) or code_of(given.status)
    if code not in CODES:
        code = code_of(given.status)
    words = body.pop("detail", None) or body.pop("error", None)
    if words is None and body:
        return _of_fields([_listed(name, several) for name, several in body.items()])
    own = {name: str(value) for name, value in body.items()}
    return {**body_of(code, str(words or CODES[code].meaning), context=own), "status": given.status}


def _of_fields(several: list[dict[str, str]], more: int = 0) -> dict[str, Any]:
    """The first in front; `more` are counted only."""
    first, left = several[0], {"more_errors": str(more)} if more else {}
    return body_of(
        first["code"], first["detail"], param=first["param"], context=left, errors=several
    )


def _listed(name: str, words: object) -> dict[str, str]:
    """A field with Django REST's sentences."""
    first = words[0] if isinstance(words, list) and words else words
    return {"code": "invalid_field", "param": name, "detail": str(first)}


def _field_problem(each: ErrorDetails) -> dict[str, str]:
    """A wrong field as pydantic found it."""
    param = ".".join(str(part) for part in each["loc"]) or "body"
    if each["type"] == "missing":
        return {"code": "missing_field", "param": param, "detail": f"{param} is required."}
    if each["type"] == "extra_forbidden":
        words = f"{param[:100]} is not a field here."
        return {"code": "unknown_field", "param": param[:100], "detail": words}
    words = each["msg"]
    if each["type"] == "too_long" and isinstance(each["input"], str):
        words = f"at most {each['ctx']['max_length']} characters"
    return {"code": "invalid_field", "param": param, "detail": f"{param}: {words}"[:500]}
