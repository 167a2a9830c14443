"""Lists of people, in the order of their ids: a limit, and the id after which they go on."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from producers.http.errors import wrong_field
from producers.http.route import Asked
from schemas.identifiers import MAX_BIGINT


class Numbered(Protocol):
    """Somebody with an id."""

    @property
    def id(self) -> int: ...  # noqa: D102


Row = TypeVar("Row", bound=Numbered)


async def people_of(
    asked: Asked, path: str, read: Callable[[Connection, int, int], list[Row]], most: int
) -> tuple[list[Row], Mapping[str, str]]:
    """Those whom the query wants (`after`, `limit`), and a Link where there may be more.

    Raises EarlyError 400 for what is no id or no limit up to `most`.
    """
    after, limit = asked.query.after, asked.query.limit
    if not 0 <= after <= MAX_BIGINT:
        raise wrong_field("after", "A valid integer is required.")
    if not 1 <= limit <= most:
        raise wrong_field("limit", f"A number from 1 to {most}.")
    found = await asked.gateway.reading.read(read, after, limit)
    if len(found) < limit:
        return found, {}
    following = f"{asked.base}{path}?limit={limit}&after={found[-1].id}"
    return found, {"Link": f'<{following}>; rel="next"'}
