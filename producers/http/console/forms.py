"""Forms of the console: each is a command of the API, done once however often it is sent.

A form brings its own Idempotency-Key, made with the page. What it has done is looked up by that key
afterwards, in the ledger: so a double click, a second try after a crash and the first one all show
the same outcome.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel, Field

from producers.http.answers import Answer
from producers.http.console import tokens
from producers.http.console.page import redirect
from producers.http.errors import EarlyError, detail
from producers.http.reading_bodies import FORM_TYPE, has_bad_characters, model_of
from producers.http.route import Asked
from producers.http.v1 import problems
from producers.http.v1.fields import DryRun
from schemas.identifiers import is_uuid

FIELDS_MAX: Final = 300
STALE: Final = (
    "This form was not made for you and this browser, or before you logged in. Nothing was done."
    " Go back, load the page again, and send the form from there."
)

USED: Final = (
    "This form has been sent before, with something else in it. Look below at what that has done;"
    " to do this too, send the form from here."
)

Trouble = dict[str, Any]
"""Why a form was not done: a problem, as the API has it."""


class Form(BaseModel):
    """What a form says: every value of every name."""

    said: dict[str, list[str]] = Field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """A field without the blanks around it; None where it is empty."""
        found = self.said.get(name, [""])[-1].strip()
        return found or None

    def texts(self, name: str) -> list[str]:
        """All values of a name, each once."""
        return list(dict.fromkeys(self.said.get(name, [])))

    def texts_of(self, *names: str) -> dict[str, str]:
        """Those of these fields that are not empty."""
        found = {name: self.text(name) for name in names}
        return {name: text for name, text in found.items() if text is not None}


def read(content_type: str, body: bytes) -> object:
    """A form's body, for Route.reads. Raises EarlyError 400 or 415."""
    if content_type != FORM_TYPE and body:
        raise detail(415, "The console takes forms.")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        raise detail(400, "The form cannot be read.") from None
    said: dict[str, list[str]] = {}
    for name, text in pairs:
        if has_bad_characters(name) or has_bad_characters(text):
            raise detail(400, "A text of the form holds a NUL or half a character.")
        said.setdefault(name, []).append(text)
    return {"said": said}


def of(asked: Asked) -> Form:
    """The form of a request, once it is known to be ours. Raises EarlyError 400."""
    form: Form = asked.body
    if not tokens.is_right(form.text("token") or "", asked.headers, asked.who):
        raise detail(400, STALE)
    return form


def key_of(form: Form) -> str:
    """The form's Idempotency-Key. Raises EarlyError 400."""
    key = form.text("key") or ""
    if not is_uuid(key):
        raise detail(400, STALE)
    return key


Handler = Callable[[Asked], Awaitable[Answer]]


def commanding(
    asked: Asked, key: str, model: type[BaseModel], said: Mapping[str, Any], **path: str
) -> Asked:
    """The request to the API that a form stands for. Raises EarlyError 400, by field."""
    body = model_of(model, dict(said))
    return replace(asked, key=key, body=body, query=DryRun(), path=path)


async def done(handler: Handler, asked: Asked) -> Trouble | None:
    """Have the API do it; None where the ledger has answered or will, else why not."""
    try:
        await handler(asked)
    except EarlyError as early:
        return trouble_of(early)
    return None


def trouble_of(early: EarlyError) -> Trouble | None:
    """Why nothing was sent; None where the outcome stands in the ledger, or soon will."""
    told = problems.told(problems.PREFIX, "", early)
    if told.status < 400:  # noqa: PLR2004 - 202: it will be done
        return None
    assert isinstance(told.body, dict)
    code = told.body["code"]
    if code == "idempotency_key_in_use":
        return None
    if code == "idempotency_key_reused":
        return {**told.body, "detail": USED}
    return None if "result" in told.body else told.body


async def carry_out(
    handler: Handler,
    asked: Callable[[], Asked],
    place: str,
    again: Callable[[Trouble], Awaitable[Answer]],
) -> Answer:
    """Do what a form says, then lead to the page that shows the outcome.

    `asked` makes the request of the form. Where nothing was sent `again` shows the form once more,
    with why and with what was typed.
    """
    try:
        request = asked()
    except EarlyError as early:
        trouble = trouble_of(early)
    else:
        trouble = await done(handler, request)
        if trouble is None:
            return redirect(f"{place}?outcome={request.key}")
    assert trouble is not None, "a wrong field is told"
    return await again(trouble)
