"""A route: one line of the table from which routing, validation and the schema come."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from producers.http.answers import Answer
from producers.http.errors import not_found
from producers.http.people.access import Access
from producers.http.people.principal import Principal
from producers.http.people.rights import Rights
from producers.http.reading_bodies import FORM_TYPE, JSON_TYPE
from schemas import identifiers
from schemas.identifiers import MAX_BIGINT

if TYPE_CHECKING:
    from producers.http.gateway import Gateway

WALLET_PARTS: Final = ("uuid", "wallet_id")
"""How the part of a path is named that is a wallet's id."""
BODY_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a handler sees it: everything in it is checked.

    `path` holds the parts of the path by name (texts; ids are lower-case UUIDs or integers).
    `body` and `query` are instances of the route's models (None where it has none). `key` is the
    Idempotency-Key, with who asks in front where that is known: nobody meets another's keys.
    `base` is where we are asked, as "http://127.0.0.1:8001", by the scheme that the caller speaks
    where a proxy of ours tells it; `address` is where it comes from.
    """

    gateway: "Gateway"
    family: str
    path: Mapping[str, Any]
    query: Any
    body: Any
    key: str | None
    base: str
    request_id: str
    rights: Rights
    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """The request's headers; their names in any case."""
    commands: list[str] = field(default_factory=list)
    """The ids of the commands that were sent for it."""

    @property
    def who(self) -> Principal:
        """Who asks."""
        return self.rights.who


Handler = Callable[[Asked], Awaitable[Answer]]
Shape = Any
"""What an answer's body is: a pydantic model, or list[model]; None for no body that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path. The path ends without a slash; it is served with one too.

    Parts of a path are "{name:kind}", a kind of KINDS. `answers` are the bodies by status.
    `body` is read from JSON or a form, `query` from the address. `family` names the service.
    """

    method: str
    path: str
    handler: Handler
    family: str
    summary: str
    answers: Mapping[int, Shape]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    reads: Callable[[str, bytes], object] | None = None
    """Makes the body's data of its content type and bytes; None is JSON or a form."""
    body_max: int = BODY_MAX
    """Most bytes of a body."""
    body_types: tuple[str, ...] = (JSON_TYPE, FORM_TYPE)
    """Content types of a body, as the schema tells them."""
    texts: tuple[str, ...] = ()
    """Content types of an answer that may be a text as well."""
    needs_key: bool = False
    """Whether the handler refuses a request without an Idempotency-Key."""
    access: Access = Access.ADMIN
    """Who may use it."""
    changes: bool | None = None
    """Whether it changes something; unless it is said, all but GET do."""
    slash: bool = True
    """Whether the canonical path, as the schema shows it, ends with a slash."""
    is_described: bool = True
    """Whether the schema shows it: pages and their files are for browsers."""
    is_stream: bool = False
    """Whether its handler takes the connection over, for as long as it likes: it has no HEAD."""
    takes_session: bool = False
    """Whether the cookie of a session says who asks; only the console's pages take it."""
    kinds: Mapping[str, str] = field(init=False)
    writes: bool = field(init=False)
    wallet_part: str | None = field(init=False)
    """The part of the path that is a wallet's id."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", dict(_PART.findall(self.path)))
        assert set(self.kinds.values()) <= set(KINDS), self.path
        assert self.path == "/" or not self.path.endswith("/"), self.path
        wallet = next((name for name in WALLET_PARTS if self.kinds.get(name) == "uuid"), None)
        object.__setattr__(self, "wallet_part", wallet)
        assert wallet or self.access not in {Access.OWNER, Access.DEPOSIT}, self.path
        writes = self.method != "GET" if self.changes is None else self.changes
        object.__setattr__(self, "writes", writes)

    @property
    def plain_path(self) -> str:
        """The path with the parts' names only: "/wallets/{wallet_id}"."""
        return _PART.sub(r"{\1}", self.path)

    @property
    def served_path(self) -> str:
        """The path as aiohttp matches it: unless it is told so, a part holds no brace."""
        return _PART.sub(r"{\1:[^/]+}", self.path)

    def parts(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """The parts of a path that was asked for. Raises EarlyError 404 for what is none."""
        return {name: KINDS[kind](texts[name]) for name, kind in self.kinds.items()}


_PART: Final = re.compile(r"{(\w+):(\w+)}")


def _uuid(text: str) -> str:
    lower = text.lower()
    if not identifiers.is_uuid(lower):
        raise not_found()
    return lower


def _integer(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_BIGINT))):
        raise not_found()
    number = int(text)
    if not 0 < number <= MAX_BIGINT:
        raise not_found()
    return number


def _text(text: str) -> str:
    if "\0" in text:
        raise not_found()
    return text


KINDS: Final[dict[str, Callable[[str], Any]]] = {"uuid": _uuid, "integer": _integer, "text": _text}
"""Kind of a path's part -> what makes it of a text, or raises EarlyError 404."""
