"""The audit log: who asked for what."""

from dataclasses import replace
from typing import Final

from pydantic import BaseModel, Field

from producers.http.answers import Answer
from producers.http.console.page import page
from producers.http.console.wallets import bodies
from producers.http.people import serving_audit
from producers.http.reading_bodies import model_of
from producers.http.route import Asked
from producers.http.v1.fields import Cursor, Text

LINES: Final = 50


class AuditQuery(BaseModel):
    """Whose requests, as "user:12"; empty for everybody's."""

    principal: Text = Field("", max_length=100)
    cursor: Cursor | None = None


async def show_audit(asked: Asked) -> Answer:
    """The newest first; for admins and auditors."""
    asked.rights.see_audit()
    wanted: AuditQuery = asked.query
    principal = wanted.principal.strip() or None
    said = {"limit": LINES, "cursor": wanted.cursor, "principal": principal}
    query = model_of(serving_audit.AuditQuery, said)
    body = bodies(await serving_audit.list_audit(replace(asked, query=query)))
    return page(
        asked, "audit.html", body=body, wanted=wanted,
        kept={"principal": principal} if principal else {},
    )  # fmt: skip
