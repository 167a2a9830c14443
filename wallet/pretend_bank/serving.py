"""The HTTP server of the pretend bank: four paths, no router, no log of requests.

Measured: 230 us of processor time a payment on a slow core, so some 4,000 payments/s in all.
"""

import asyncio
import ipaddress
import signal
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from wallet.failure import Failure, Tell
from wallet.pretend_bank import answers, reading
from wallet.pretend_bank.faults import Fault
from wallet.pretend_bank.ledger import PaymentLedger
from wallet.pretend_bank.paying import Bank
from wallet.pretend_bank.settings import PretendBankSettings

LEDGER_FILE: Final = "ledger.jsonl"
PAGE_LINES: Final = 10_000
# Connections that wait to be accepted: a caller opens its several hundred at once.
BACKLOG: Final = 4096
SHUTDOWN_SECONDS: Final = 2.0
# Where a container runtime says that this is a container.
CONTAINER_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))


class BankServer(web.Server):
    """Answers; a call that gets no answer is let go when its connection ends, or the server."""

    def __init__(self, bank: Bank, settings: PretendBankSettings) -> None:
        super().__init__(self._handle, access_log=None)
        self._bank = bank
        self._settings = settings
        self._hanging: dict[RequestHandler, asyncio.Event] = {}

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Let the call go whose caller went."""
        super().connection_lost(handler, exc)
        if handler in self._hanging:
            self._hanging[handler].set()

    def pre_shutdown(self) -> None:
        """Let all go."""
        super().pre_shutdown()
        for ended in self._hanging.values():
            ended.set()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/":
            return await self._pay(request)
        if request.method != "GET":
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        if request.path.startswith("/payments/"):
            return self._payment(request.path.removeprefix("/payments/"))
        if request.path == "/ledger":
            return self._ledger(request)
        if request.path == "/healthz":
            return self._health()
        return _plain(HTTPStatus.NOT_FOUND)

    async def _pay(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        key = request.headers.get("Idempotency-Key")
        if key is not None and not (key.isascii() and key.isprintable()):
            return answers.refused("a key is of printable ASCII characters")
        outcome = await self._bank.pay(reading.read(key, await request.read()))
        if outcome.fault in {Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER}:
            await self._hang(request.protocol)
        return answers.answer(outcome)

    async def _hang(self, handler: RequestHandler) -> None:
        """Answer nothing until the caller goes, or patience ends."""
        if handler.transport is None:
            return
        self._hanging[handler] = ended = asyncio.Event()
        try:
            async with asyncio.timeout(self._settings.hang):
                await ended.wait()
        except TimeoutError:
            return
        finally:
            del self._hanging[handler]

    def _health(self) -> web.Response:
        counts = {"payments": len(self._bank.ledger), "hanging": len(self._hanging)}
        return answers.said({"status": "ok", **counts, **self._bank.counts})

    def _payment(self, key: str) -> web.Response:
        state = self._bank.state(key) if self._settings.knows_keys else None
        return answers.told(key, state)

    def _ledger(self, request: web.BaseRequest) -> web.Response:
        try:
            after = max(0, int(request.query.get("after", "0")))
        except ValueError:
            return _plain(HTTPStatus.BAD_REQUEST)
        lines = self._bank.ledger.page(after, PAGE_LINES)
        return web.Response(body=lines, content_type="application/x-ndjson")


def _plain(status: HTTPStatus) -> web.Response:
    return web.Response(status=status, text=status.phrase)


def refuse_open(host: str, marks: tuple[Path, ...] = CONTAINER_MARKS) -> None:
    """Refuse an address that a network reaches: whoever can call this bank can pay.

    In a container every address is inside; which ports are published is said elsewhere.

    Raises:
        Failure: it is no address, or not of loopback.

    """
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise Failure(f"{host} is no address; the pretend bank listens on 127.0.0.1") from None
    if not is_loopback and not any(mark.exists() for mark in marks):
        raise Failure(f"the pretend bank has no login and listens on loopback only, not on {host}")


async def serve(
    place: tuple[str, int], folder: Path, settings: PretendBankSettings, tell: Tell
) -> None:
    """Answer until SIGTERM or SIGINT.

    Raises:
        Failure: the port is taken, or the folder cannot be used.

    """
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    ledger = PaymentLedger(folder / LEDGER_FILE, tell)
    try:
        runner = await start(place, ledger, settings)
        tell(f"pretend bank at {address_of(runner)}, {len(ledger)} payments in {folder}")
        await stopped.wait()
        await runner.cleanup()
    finally:
        ledger.close()


async def start(
    place: tuple[str, int], ledger: PaymentLedger, settings: PretendBankSettings
) -> web.ServerRunner:
    """Answer on (host, port) until the runner is cleaned up; port 0 takes a free one.

    Raises:
        Failure: the port is taken.

    """
    host, port = place
    server = BankServer(Bank(settings, ledger), settings)
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    except OSError as error:
        await runner.cleanup()
        raise Failure(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return runner


def address_of(runner: web.ServerRunner) -> str:
    """Give the address of a started server, as WALLET_BANK_URL has it."""
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
