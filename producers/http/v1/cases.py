"""What withdrawals and credit requests share: lists, and the answer of a command on one of them."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from producers.http.answers import Answer
from producers.http.route import Asked
from producers.http.v1 import conditions, cursors
from producers.http.v1.commanding import Done
from producers.http.v1.reading_cases import Wanted

MADE: Final = 201


class Case(Protocol):
    """A row with an id."""

    @property
    def id(self) -> str: ...  # noqa: D102


Row = TypeVar("Row", bound=Case)


class Listing(NamedTuple):
    """A list: its name in cursors, and its path."""

    name: str
    path: str


async def page_of(
    asked: Asked,
    listing: Listing,
    read: Callable[[Connection, Wanted], list[Row]],
    show: Callable[[Asked, Row], dict[str, Any]],
) -> Answer:
    """A page of them, by the query's wallet, status, limit, cursor. Raises EarlyError 400, 403."""
    wanted = asked.query
    whose = cursors.wallet_of(asked, wanted.wallet_id)
    before = cursors.id_after(listing.name, wanted.cursor)
    rows = await asked.gateway.reading.read(
        read, Wanted(wanted.limit + 1, before, whose, wanted.status)
    )
    shown, following = cursors.cut(listing.name, rows, wanted.limit, lambda row: row.id)
    return cursors.page(asked, listing.path, [show(asked, row) for row in shown], following)


def tag_of(body: Mapping[str, Any]) -> str:
    """The version of one, as a body tells it."""
    return conditions.tag_of(body["status"], body["changed_at"])


def answer(done: Done, body: Mapping[str, Any], status: int, *own: str) -> Answer:
    """One as a command has left it, with place and version.

    Of a dry run that would make one, `own` are the members that only a real one has.
    """
    if done.is_dry:
        missing = dict.fromkeys(own) if status == MADE else {}
        return Answer({**body, **missing, "dry_run": True})
    headers = {"Location": body["url"], "ETag": tag_of(body), **done.headers}
    return Answer(body, status, headers)
