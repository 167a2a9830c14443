"""The aiohttp application: every route of the table behind one door.

The door gives each request its id, keeps strangers out, turns every failure into an answer of the
right shape and writes the access log.
"""

import itertools
import re
import secrets
import time
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from producers.http.answers import Answer, json_of
from producers.http.console import refusals
from producers.http.errors import EarlyError, detail
from producers.http.gateway import Gateway
from producers.http.people.audit import Noted
from producers.http.reading_bodies import model_of
from producers.http.reading_requests import body_of, host_of, key_of, query_of
from producers.http.route import BODY_MAX, Asked, Route
from producers.http.routes import ROUTES
from producers.http.v1 import problems

ID_HEADER: Final = "X-Request-ID"

log: Final = structlog.get_logger(__name__)

_GATEWAY: Final = web.AppKey("gateway", Gateway)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+=/-]{0,127}\Z")
_PROCESS: Final = secrets.token_hex(8)
_requests: Final = itertools.count(1)
"""Ids of our own: the process, then a number. A UUID each would cost two calls of the system."""

_FAILED: Final = detail(500, "An error of ours.")
_GONE: Final = detail(400, "The caller has hung up.")

_AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(gateway: Gateway) -> web.Application:
    """The application with all routes of the table, each with and without a slash at its end."""
    app = web.Application(middlewares=[door], client_max_size=BODY_MAX)
    app[_GATEWAY] = gateway
    app.on_shutdown.append(_end_followers)
    for route in ROUTES:
        handler = _handler_of(route)
        for path in (route.served_path, f"{route.served_path}/"):
            app.router.add_route(route.method, path, handler)
            if route.method == "GET" and not route.is_stream:
                app.router.add_route("HEAD", path, handler)
    return app


async def _end_followers(app: web.Application) -> None:
    """Who follows a wallet is told that it ends, before those who wait are waited for."""
    await app[_GATEWAY].live.close()


@web.middleware
async def door(request: web.Request, handler: _AiohttpHandler) -> web.StreamResponse:
    """Answer every request, whatever happens."""
    started = time.perf_counter()
    request_id = _request_id(request)
    request["id"] = request_id
    gateway = request.app[_GATEWAY]
    gateway.patience.note(request)
    entrance = gateway.entrance
    noted = Noted(request_id, request.method, request.raw_path, request.remote or "")
    request["noted"] = noted
    host = host_of(request)
    scheme = entrance.addresses.scheme(noted.address, request.headers, request.scheme)
    request["base"] = f"{scheme}://{host}"
    try:
        entrance.admit(noted, host, request.headers, scheme)
        response = await handler(request)
    except EarlyError as early:
        response = _refused(request, request_id, early)
    except web.HTTPException as error:
        response = _refused(request, request_id, EarlyError(_told(request, error)))
    except Exception as error:
        if not (is_gone := _has_hung_up(request, error)):
            told = {"request_id": request_id, "path": request.path, "error": str(error)}
            log.exception("request failed", **told)
        response = _refused(request, request_id, _GONE if is_gone else _FAILED)
    entrance.note(noted, response.status)
    if not response.prepared:
        response.headers[ID_HEADER] = request_id
    gateway.access_log.add(
        request_id=request_id,
        method=request.method,
        path=request.raw_path,
        status=response.status,
        ms=(time.perf_counter() - started) * 1000,
        peer=noted.address,
        who=noted.who.label if noted.who.is_known else None,
    )
    return response


def _handler_of(route: Route) -> _AiohttpHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        entrance = request.app[_GATEWAY].entrance
        parts = route.parts(request.match_info)
        noted: Noted = request["noted"]
        rights = await entrance.enter(route, parts, request.headers, noted)
        said = query_of(request, route)
        query = model_of(route.query, said) if route.query else None
        body = model_of(route.body, await body_of(request, route)) if route.body else None
        asked = Asked(
            gateway=request.app[_GATEWAY],
            family=route.family,
            path=parts,
            query=query,
            body=body,
            key=key_of(request, route, rights.who),
            base=request["base"],
            request_id=request["id"],
            rights=rights,
            address=noted.address,
            commands=noted.commands,
            headers=request.headers,
        )
        answer = await route.handler(asked)
        entrance.leave(route, rights)
        if answer.takes_over is None:
            return _response(answer)
        assert route.is_stream, f"{route.path} takes over; a HEAD of it would get its parts"
        return await answer.takes_over(request)

    return handle


def _response(answer: Answer) -> web.Response:
    body = answer.body
    if not isinstance(body, bytes | AsyncIterable):
        body = json_of(body)
    headers = {"Content-Type": "application/json", **answer.headers}
    return web.Response(body=body, status=answer.status, headers=headers)


def _has_hung_up(request: web.Request, error: Exception) -> bool:
    """Whether an error means that nobody is there any more to be answered."""
    is_gone = request.transport is None or request.transport.is_closing()
    return is_gone and isinstance(error, ConnectionError)


def _refused(request: web.Request, request_id: str, early: EarlyError) -> web.Response:
    """An error in the shape of its path: a page of the console, a problem, or as it was raised."""
    if refusals.is_ours(request.path):
        return _response(refusals.told(request, request_id, early))
    return _response(problems.told(request.path, request_id, early))


def _told(request: web.Request, error: web.HTTPException) -> Answer:
    """What aiohttp refuses, in our words."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        if request.method == "OPTIONS":
            return Answer(b"", 204, {"Allow": f"{allowed}, OPTIONS"})
        words = f'Method "{request.method[:20]}" not allowed.'
        return Answer({"detail": words}, error.status, {"Allow": allowed})
    words = "Not found." if error.status == 404 else error.reason  # noqa: PLR2004 - HTTP's own
    return Answer({"detail": words}, error.status)


def _request_id(request: web.Request) -> str:
    """The caller's id for the request, if it is one that can stand in a header and a log."""
    given = request.headers.get(ID_HEADER, "")
    return given if _ID.match(given) else f"{_PROCESS}-{next(_requests)}"
