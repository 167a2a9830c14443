"""What the handlers of service 003 share: pages, a seller that must be there, refusals."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from pydantic import BaseModel

from producers.http.answers import Answer
from producers.http.errors import EarlyError, error, not_found, wrong_field
from producers.http.route import Asked
from producers.http.seeds import reading003
from producers.http.seeds.fields003 import OFFSET_MAX, Limit, Offset
from producers.http.seeds.reading003 import LIMIT, Page, SellerRow
from schemas.identifiers import MAX_BIGINT
from schemas.refusals import Code
from schemas.results import AnyResult

FAMILY: Final = "003"
Found = TypeVar("Found")
INACTIVE: Final = "Seller is not active"


class PageQuery(BaseModel):
    """Which part of a list: at most `limit`, after the first `offset`."""

    limit: Limit = LIMIT
    offset: Offset = 0

    @property
    def page(self) -> Page:
        """It, for a query."""
        return Page(self.limit, self.offset)


async def listed(
    asked: Asked, path: str, rows: Sequence[Found], body_of: Callable[[Found], dict[str, Any]]
) -> Answer:
    """A page of a list; where it is full, the Link header leads on, as far as pages go.

    It is written in a thread: thousands of bodies would hold up all other requests.
    """
    query: PageQuery = asked.query
    bodies = await asyncio.to_thread(_written, rows, body_of)
    offset = query.offset + query.limit
    if len(rows) < query.limit or offset > OFFSET_MAX:
        return Answer(bodies)
    filters = query.model_dump(exclude_none=True, exclude={"limit", "offset"})
    following = {**filters, "limit": query.limit, "offset": offset}
    link = f'<{asked.base}{path}?{urlencode(following)}>; rel="next"'
    return Answer(bodies, headers={"Link": link})


def _written(rows: Sequence[Found], body_of: Callable[[Found], dict[str, Any]]) -> bytes:
    return msgspec.json.encode([body_of(row) for row in rows])


async def seller_of(asked: Asked) -> SellerRow:
    """The seller that the path names. Raises EarlyError 404."""
    found = await asked.gateway.reading.read(reading003.seller, asked.path["id"])
    asked.rights.see(found.wallet_id if found else None)
    if found is None:
        raise not_found()
    return found


async def see_seller(asked: Asked, number: int | None) -> None:
    """Let a seller see its own things; of all sellers only who sees all. Raises EarlyError 403."""
    if number is None or asked.rights.who.reads_all:
        asked.rights.see_all()
    else:
        asked.rights.see(await wallet_of(asked, number))


async def wallet_of(asked: Asked, number: int) -> str | None:
    """The wallet of a seller; None where there is no such seller."""
    return await asked.gateway.sellers.wallet_of(number) if 0 < number <= MAX_BIGINT else None


def done(result: AnyResult, words: Mapping[Code, EarlyError] | None = None) -> AnyResult:
    """The result, where the command was done.

    Raises EarlyError for a refusal: that of `words`, or 400 by field or as {"error"}.
    """
    refusal = result.error
    if refusal is None:
        return result
    if words and refusal.code in words:
        raise words[refusal.code]
    if refusal.param == "amount":
        raise wrong_field("amount", refusal.detail)
    raise error(400, refusal.detail)
