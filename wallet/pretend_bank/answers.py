"""Outcomes as HTTP, broken ones included."""

import socket
import struct
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from wallet.pretend_bank.faults import Fault
from wallet.pretend_bank.paying import Outcome, State

JSON: Final = "application/json"
RETRY_AFTER_SECONDS: Final = 1
CUT_BYTES: Final = len('{"data":"succ')

_STATUS_OF: Final[dict[State, int]] = {
    "success": 200,
    "pending": 202,
    "refused": 422,
    "failed": 503,
}

# Closing sends a reset instead of a farewell: linger on, for no time.
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


def answer(outcome: Outcome) -> web.StreamResponse:
    """Give the answer to a call."""
    if outcome.refusal is not None:
        return refused(outcome.refusal, "reused" if outcome.reused else "refused")
    return _ANSWERS[outcome.fault](outcome)


def said(
    body: dict[str, Any], status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> web.Response:
    """Give a JSON answer."""
    return web.Response(body=_encoded(body), status=status, headers=headers, content_type=JSON)


def refused(reason: str, data: str = "refused") -> web.Response:
    """Give a definite refusal: this call executed nothing, and trying again is of no use.

    `refused` says so of the payment. `reused` says nothing of it: its key has paid, with another
    body.
    """
    body = {"data": data, "status": 422, "reason": reason}
    return said(body, HTTPStatus.UNPROCESSABLE_ENTITY)


def told(key: str, state: State | None) -> web.Response:
    """Tell what became of a key; 404 when nothing is known of it."""
    if state is None:
        body = {"data": "unknown", "status": 404, "key": key}
        return said(body, HTTPStatus.NOT_FOUND)
    data = "failed" if state == "refused" else state
    return said({"data": data, "status": _STATUS_OF[state], "key": key})


def _success(outcome: Outcome) -> web.StreamResponse:
    headers = {"Idempotency-Replayed": "true"} if outcome.replayed else None
    return said(_body(outcome.key), headers=headers)


def _failed(_: Outcome) -> web.StreamResponse:
    return said({"data": "failed", "status": 503})


def _busy(_: Outcome) -> web.StreamResponse:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return said({"data": "busy", "status": 429}, HTTPStatus.TOO_MANY_REQUESTS, headers)


def _broken(_: Outcome) -> web.StreamResponse:
    return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text="Internal Server Error")


def _nonsense(_: Outcome) -> web.StreamResponse:
    return said({"data": ["success"], "status": "two hundred", "key": 17})


def _truncated(outcome: Outcome) -> web.StreamResponse:
    return web.Response(body=_encoded(_body(outcome.key))[:CUT_BYTES], content_type=JSON)


def _reset(_: Outcome) -> web.StreamResponse:
    return Raw(b"", then_reset=True)


def _body(key: str | None) -> dict[str, Any]:
    """What the seeds' bank says; a caller that sent a key is told which one is meant."""
    body: dict[str, Any] = {"data": "success", "status": 200}
    return body if key is None else {**body, "key": key}


def _encoded(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)


def _raw(outcome: Outcome) -> bytes:
    body = _encoded(_body(outcome.key))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Raw(web.StreamResponse):
    """Bytes as they are, which aiohttp would not say; then, if wanted, a reset."""

    def __init__(self, content: bytes, *, then_reset: bool = False) -> None:
        super().__init__()
        self._content = content
        self._then_reset = then_reset

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send them.

        Raises:
            ConnectionResetError: the connection has ended, by us or by the caller.

        """
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        self._keep_alive = True
        transport.write(self._content)
        if self._then_reset:
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT
            )
            transport.abort()
            raise ConnectionResetError
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing more."""


_ANSWERS: Final[dict[Fault | None, Callable[[Outcome], web.StreamResponse]]] = {
    None: _success,
    Fault.REFUSED: lambda _: refused("the account is closed"),
    Fault.FAILED: _failed,
    Fault.HTTP_429: _busy,
    Fault.HTTP_500_BEFORE: _broken,
    Fault.TIMEOUT_BEFORE: _reset,  # when patience has ended
    Fault.RESET_BEFORE: _reset,
    Fault.HTTP_500_AFTER: _broken,
    Fault.TIMEOUT_AFTER: _reset,
    Fault.RESET_AFTER: lambda outcome: Raw(_raw(outcome)[:-CUT_BYTES], then_reset=True),
    Fault.TRUNCATED: _truncated,
    Fault.NONSENSE: _nonsense,
    Fault.WRONG_ID: lambda _: said(_body(str(uuid.uuid4()))),
    Fault.DUPLICATE: lambda outcome: Raw(_raw(outcome) * 2),
    Fault.SLOW: _success,
}
