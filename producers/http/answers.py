"""An answer as a handler gives it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON body, its status and further headers.

    A body of bytes is sent as it is; its type is then in the headers, else it is JSON too. One
    that is an asynchronous iterator of bytes is sent part by part.
    """

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    takes_over: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    """Answers the request itself, part by part, as long as it likes; the body is None then."""


def json_of(body: object) -> bytes:
    """A body as it is sent. Of a header that is not UTF-8 a refusal may quote what is no text."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")
