"""Reads what a request says besides its path: its host, its query, its key and its body."""

import asyncio
import zlib
from collections import Counter
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from producers.http.errors import EarlyError, detail
from producers.http.people.entrance import own_key
from producers.http.people.principal import Principal
from producers.http.reading_bodies import data_of
from producers.http.route import Route
from producers.http.v1 import problems
from producers.http.v1.problems import problem

BODY_SECONDS: Final = 10.0
"""The longest a body may take to come."""

KEY_HEADER: Final = "Idempotency-Key"
KEY_MAX: Final = 255
ENCODING_HEADER: Final = "Content-Encoding"

_PACKED: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Content encodings that are read -> zlib's name for them."""


def host_of(request: web.Request) -> str:
    """Where the request wants to be answered; "" where it does not say.

    A target with a host in it ("GET http://name/ HTTP/1.1") goes before the header, as RFC 9112
    has it. Host and port, never whose it is.
    """
    target = request.raw_path
    if target.startswith("/") or "://" not in target:
        return request.headers.get("Host", "")
    try:
        return urlsplit(target).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def query_of(request: web.Request, route: Route) -> dict[str, str]:
    """The query of a request. Of a name that is repeated the services take the last, as Django.

    The API refuses it, and any query where a route has none: nobody knows what was meant, and
    `dry_run` may be among it. Raises EarlyError 400.
    """
    if "?" not in request.raw_path:
        return {}
    said = request.query
    if route.path.startswith(problems.PREFIX):
        for name, times in Counter(name for name, _ in said.items()).items():
            shown = name[:100]
            if times > 1:
                words = f"{shown} is there {times} times."
                raise problem("invalid_field", words, param=shown)
            if route.query is None:
                raise problem("unknown_field", f"{shown} is not a field here.", param=shown)
    return dict(said.items())


def key_of(request: web.Request, route: Route, who: Principal) -> str | None:
    """The Idempotency-Key as it names a command; None without one. Raises EarlyError 400."""
    if route.method == "GET":
        return None
    keys = request.headers.getall(KEY_HEADER, ())
    if not keys:
        return None
    if len(keys) > 1:
        raise detail(400, f"{KEY_HEADER}: it is there {len(keys)} times.")
    key = keys[0]
    if not (0 < len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
        raise detail(400, f"{KEY_HEADER}: 1 to {KEY_MAX} printable ASCII characters.")
    # The commands of the API have another source for everybody instead.
    return key if route.path.startswith(problems.PREFIX) else own_key(who, key)


async def body_of(request: web.Request, route: Route) -> object:
    """The body's data. Raises EarlyError 400, 408, 413 or 415."""
    most = route.body_max
    if request.content_length is not None and request.content_length > most:
        raise _too_large(most)
    if not request.can_read_body:
        return {}
    try:
        body = await _bytes_of(request.clone(client_max_size=most) if route.reads else request)
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(most) from None
    if ENCODING_HEADER in request.headers:
        body = unpacked(request.headers[ENCODING_HEADER], body, most)
    return (route.reads or data_of)(request.content_type, body)


async def _bytes_of(request: web.Request) -> bytes:
    try:
        if request.content.is_eof():  # it is here: no clock is needed
            return await request.read()
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise detail(408, "The body did not come in time.") from None
    except (web.RequestPayloadError, ConnectionError):  # broken, or the caller has hung up
        raise detail(400, "The body is broken.") from None


def unpacked(encoding: str, body: bytes, most: int) -> bytes:
    """A body that was packed for its way, of `most` bytes. Raises EarlyError 400, 413 or 415.

    aiohttp's own unpacking logs a traceback for whatever is not packed as it says.
    """
    kind = encoding.strip().lower()
    if kind in {"", "identity"} or not body:
        return body
    if kind not in _PACKED:
        raise detail(415, f'Unsupported content encoding "{kind[:50]}"; send gzip or deflate.')
    unpacker = zlib.decompressobj(_PACKED[kind])
    try:
        found = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise detail(400, f"The body is not {kind}, as {ENCODING_HEADER} says.") from None
    if len(found) > most:
        raise _too_large(most)
    if not unpacker.eof or unpacker.unused_data:
        raise detail(400, f"The body is not one whole {kind}.")
    return found


def _too_large(most: int) -> EarlyError:
    return detail(413, f"The body has more than {most} bytes.")
