"""Credit requests: those that wait, decided one by one or many at once."""

import asyncio
from dataclasses import replace
from typing import Any, Final, NamedTuple

from producers.http.answers import Answer
from producers.http.console import forms
from producers.http.console.forms import Form, Trouble
from producers.http.console.outcomes import Outcome, Shown, outcome_of
from producers.http.console.page import page
from producers.http.console.wallets import bodies
from producers.http.errors import EarlyError, detail
from producers.http.route import Asked
from producers.http.v1 import credit_requests
from producers.http.v1.fields import Cursor, Text
from schemas.identifiers import is_uuid
from schemas.statuses import CREDIT_REQUEST_STATUSES

LINES: Final = 50
MOST: Final = 100
"""Requests that are decided at once."""

_HANDLERS: Final = {
    "approve": credit_requests.approve_credit,
    "reject": credit_requests.reject_credit,
}


class CreditQuery(Shown):
    """Which of them; "all" for every status."""

    status: Text = "pending"
    cursor: Cursor | None = None


class Decided(NamedTuple):
    """A request, and what became of the decision: an outcome, or why it was not sent."""

    body: Any
    outcome: Outcome | None
    trouble: Trouble | None


async def list_credit_requests(asked: Asked) -> Answer:
    """Credit requests, those made last first; those that wait unless others are wanted."""
    return await _list(asked)


async def _list(asked: Asked, code: int = 200, **more: Any) -> Answer:  # noqa: ANN401
    wanted = asked.query or CreditQuery()
    status = wanted.status if wanted.status in CREDIT_REQUEST_STATUSES else None
    said = {"limit": LINES, "cursor": wanted.cursor, "status": status}
    query = credit_requests.CreditRequestsQuery.model_validate(said)
    listed = await credit_requests.list_credit_requests(replace(asked, query=query))
    context = {"trouble": None, "typed": Form(), **more}
    return page(
        asked, "credit_requests.html", code=code, body=bodies(listed), wanted=wanted,
        statuses=(*CREDIT_REQUEST_STATUSES, "all"), **context,
    )  # fmt: skip


async def decide(asked: Asked) -> Answer:
    """Approve or reject those that are chosen; each is its own command with its own outcome."""
    form = forms.of(asked)
    key = forms.key_of(form)
    only, _, verb = (form.text("only") or "").partition(" ")
    chosen = [only] if only else form.texts("id")
    verb = verb or form.text("action") or ""
    if verb not in _HANDLERS or len(chosen) > MOST or not all(is_uuid(each) for each in chosen):
        raise detail(400, f"Choose approve or reject, and at most {MOST} credit requests.")
    if not chosen:
        trouble = {"detail": "Choose at least one credit request.", "errors": None, "status": 400}
        return await _list(asked, 400, trouble=trouble, typed=form)
    decided = await asyncio.gather(*(_decide(asked, form, key, verb, each) for each in chosen))
    return page(asked, "credit_decided.html", decided=decided, verb=verb)


async def _decide(asked: Asked, form: Form, key: str, verb: str, own_id: str) -> Decided:
    """Decide one of them. The form's key, what is decided, and the request's id are its key."""
    said = form.texts_of("reason", "by")
    if asked.who.is_known:
        said["by"] = asked.who.name[:128]
    own = f"{key}:{verb}:{own_id}"
    try:
        request = forms.commanding(
            asked, own, credit_requests.Decision, said, credit_request_id=own_id
        )
    except EarlyError as early:
        return Decided({"credit_request_id": own_id}, None, forms.trouble_of(early))
    trouble = await forms.done(_HANDLERS[verb], request)
    try:
        now = replace(asked, path={"credit_request_id": own_id})
        body = bodies(await credit_requests.show_credit_request(now))
        outcome = None if trouble else await outcome_of(asked, own)
    except EarlyError:  # what cannot be shown now was decided all the same
        return Decided({"credit_request_id": own_id}, None, trouble)
    return Decided(body, outcome, trouble)
