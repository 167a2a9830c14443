"""The audit log over HTTP."""

from typing import Final

from pydantic import BaseModel, Field

from producers.http import fields
from producers.http.answers import Answer
from producers.http.people import audit
from producers.http.people.access import Access
from producers.http.people.users import FAMILY
from producers.http.route import Asked, Route
from producers.http.v1 import cursors
from producers.http.v1.fields import Closed
from producers.http.v1.problems import Problem

PATH: Final = "/v1/audit"
LIST: Final = "audit"
LIMIT: Final = 1000


class AuditQuery(Closed):
    """Whose requests."""

    limit: int = Field(100, ge=1, le=LIMIT, description="Most in one answer")
    cursor: fields.Text | None = Field(None, description="`next_cursor` of the page before")
    principal: fields.Text | None = Field(None, description='As "user:12" or "key:3"')


class AuditEntry(BaseModel):
    """A request that changed something, or was refused for rights. A status of 0 is no HTTP's."""

    id: str
    asked_at: str
    user_id: int | None
    status: int
    principal: str
    role: str
    address: str
    method: str
    path: str
    request_id: str
    command_ids: list[str]


class AuditPage(BaseModel):
    """The newest first."""

    data: list[AuditEntry]
    next_cursor: str | None


async def list_audit(asked: Asked) -> Answer:
    """Who did what, the newest first; for admins and auditors."""
    asked.rights.see_audit()
    wanted: AuditQuery = asked.query
    rows = await asked.gateway.reading.read(
        audit.entries, wanted.limit + 1, cursors.id_after(LIST, wanted.cursor), wanted.principal
    )
    page, following = cursors.cut(LIST, rows, wanted.limit, lambda row: row.id)
    return cursors.page(asked, PATH, [audit.shown(row) for row in page], following)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path=PATH, handler=list_audit, family=FAMILY, slash=False,
        access=Access.HANDLER, summary="Who did what, the newest first", query=AuditQuery,
        answers={200: AuditPage, 400: Problem, 403: Problem},
    ),
)  # fmt: skip
