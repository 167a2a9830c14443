"""Opaque cursors: where a page ended, and which list it was of."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from pydantic import BaseModel

from producers.http.answers import Answer
from producers.http.route import Asked
from producers.http.v1.fields import given_of
from producers.http.v1.problems import problem
from schemas.identifiers import MAX_BIGINT, is_uuid

Row = TypeVar("Row")
Position = str | int
"""A UUID, or a sequence."""

_decode: Final = msgspec.json.Decoder(tuple[str, str | int]).decode


def cursor_of(name: str, position: Position) -> str:
    """The cursor of a list after a position."""
    said = msgspec.json.encode((name, position))
    return base64.urlsafe_b64encode(said).decode().rstrip("=")


def id_after(name: str, cursor: str | None) -> str | None:
    """The id a cursor of this list stands for. Raises EarlyError 400."""
    position = _position(name, cursor)
    if position is None:
        return None
    if not isinstance(position, str) or not is_uuid(position):
        raise _invalid()
    return position


def number_after(name: str, cursor: str | None) -> int | None:
    """The number a cursor of this list stands for. Raises EarlyError 400."""
    position = _position(name, cursor)
    if position is None:
        return None
    if not isinstance(position, int) or not 0 <= position <= MAX_BIGINT:
        raise _invalid()
    return position


def wallet_of(asked: Asked, wanted: str | None) -> str | None:
    """Whose things are listed: as wanted, else of who asks their own; None is everybody's.

    Raises EarlyError 403 where they may not be seen.
    """
    whose = wanted if wanted is not None or asked.who.reads_all else asked.who.wallet_id
    if whose is None:
        asked.rights.see_all()
    else:
        asked.rights.see(whose)
    return whose


def page(
    asked: Asked,
    path: str,
    shown: Sequence[dict[str, Any]],
    next_cursor: str | None,
) -> Answer:
    """A page of a list, with a Link to the next one."""
    body = {"data": list(shown), "next_cursor": next_cursor}
    if next_cursor is None:
        return Answer(body)
    address = next_url(asked.base, path, asked.query, next_cursor)
    return Answer(body, headers={"Link": f'<{address}>; rel="next"'})


def next_url(base: str, path: str, query: BaseModel, cursor: str) -> str:
    """Where a list goes on."""
    said = {**given_of(query), "cursor": cursor}
    return f"{base}{path}?{urlencode(said)}"


def cut(
    name: str, rows: Sequence[Row], limit: int, position: Callable[[Row], Position]
) -> tuple[Sequence[Row], str | None]:
    """The rows of a page of which one too many was read, and the cursor to the next one."""
    shown = rows[:limit]
    is_last = len(rows) <= limit
    return shown, None if is_last else cursor_of(name, position(shown[-1]))


def _position(name: str, cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    try:
        said = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        own, position = _decode(said)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise _invalid() from None
    if own != name:
        raise _invalid()
    return position


def _invalid() -> Exception:
    return problem("invalid_cursor", "The cursor is none that this list has given.", param="cursor")
