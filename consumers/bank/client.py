"""The client of a bank: one HTTP call, one outcome. It never tries again by itself.

async with BankClient(settings) as bank:
    outcome = await bank.pay(order)
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from consumers.bank.orders import Order
from consumers.bank.outcomes import (
    MAX_BODY_BYTES,
    Answer,
    Kind,
    Outcome,
    classify,
    classify_status,
    unanswered,
    unconnected,
)
from schemas.settings import Settings

KEEP_SECONDS: Final = 4.0
"""How long an idle connection is kept: servers close theirs after 5 s and more."""

ADDRESS_SECONDS: Final = 10
"""How long the bank's address is remembered, so that one that moved is found."""

KEY_HEADER: Final = "Idempotency-Key"

_HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    # What is not compressed cannot grow while it is read.
    "Accept-Encoding": "identity",
    "User-Agent": "wallet-streams",
}

_NEVER_CONNECTED: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Name not found, refused, no route, no TLS, too long: nothing of the order was sent."""

_Classify = Callable[[Answer, str], Outcome]


class _HeldResponse(aiohttp.ClientResponse):
    """Has its connection until its answer is understood; aiohttp lets go at the last byte."""

    def _response_eof(self) -> None:
        """Wait for close(), or for the end of the context, which gives the connection back."""


class BankClient:
    """Calls the bank of the settings; a context, within a running loop."""

    def __init__(self, settings: Settings) -> None:
        self._url = URL(settings.bank_url)
        self._status_url = settings.bank_status_url
        self._timeout = settings.bank_timeout
        self._calls_max = settings.bank_calls_max
        self._keeps = settings.bank_knows_keys
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=self._calls_max,
            ttl_dns_cache=ADDRESS_SECONDS,
            # A kept connection may have been closed by the bank just now: then nobody knows
            # whether the order was read. A bank that knows keys can be told again.
            **(_kept() if self._keeps else {"force_close": True}),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            response_class=_HeldResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=self._timeout / 2),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def pay(self, order: Order) -> Outcome:
        """Order the payment, once. Every answer and every trouble is an outcome."""
        headers = {KEY_HEADER: order.key}
        return await self._ask("POST", self._url, order.key, classify, order.body(), headers)

    async def status(self, key: str) -> Outcome:
        """Ask what became of an order; only where the settings name where to ask."""
        assert self._status_url is not None, "nowhere to ask"
        url = URL(self._status_url.replace("{key}", key))
        found = await self._ask("GET", url, key, classify_status, None, {})
        if found.kind is Kind.NOT_DONE and not found.of_key:
            # Only the question was not put: that says nothing of the order.
            return Outcome(Kind.UNKNOWN, found.reason, down=found.down)
        return found

    async def _ask(
        self,
        method: str,
        url: URL,
        key: str,
        meaning: _Classify,
        body: bytes | None,
        headers: dict[str, str],
    ) -> Outcome:
        assert self._session is not None, "not entered"
        try:
            # This limit covers all of it; that on connecting comes first, and says that there was
            # no call.
            async with asyncio.timeout(self._timeout):
                request = self._session.request(
                    method, url, data=body, headers=headers, allow_redirects=False
                )
                async with request as response:
                    outcome = await _outcome_of(response, key, meaning)
                    if not outcome.named:
                        # On a kept connection an answer that came twice would be taken for the
                        # next order's. One that names its key cannot be.
                        response.close()
                    return outcome
        except _NEVER_CONNECTED as error:
            return unconnected(_words(error))
        except TimeoutError:
            return unanswered(f"none within {self._timeout:g} s")
        except Exception as error:  # noqa: BLE001 - whatever broke, the order may have been read
            return unanswered(_words(error))


async def _outcome_of(response: aiohttp.ClientResponse, key: str, meaning: _Classify) -> Outcome:
    body = await _read(response)
    if len(body) > MAX_BODY_BYTES:
        return Outcome(Kind.UNKNOWN, f"the bank's answer is longer than {MAX_BODY_BYTES} bytes")
    named = response.headers.get(KEY_HEADER)
    pause = response.headers.get("Retry-After")
    return meaning(Answer(response.status, body, named, pause), key)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, or its beginning where it is too long. Raises where it ends too soon."""
    parts = bytearray()
    while len(parts) <= MAX_BODY_BYTES:
        part = await response.content.read(MAX_BODY_BYTES)
        if not part:
            break
        parts += part
    return bytes(parts)


def _kept() -> dict[str, Any]:
    return {"keepalive_timeout": KEEP_SECONDS}


def _words(error: BaseException) -> str:
    return f"{type(error).__name__} {error}"
