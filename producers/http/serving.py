"""The process of a gateway: binds, serves until it is told to stop, answers who waits, ends."""

import asyncio
import ipaddress
import signal
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from producers.client import Client
from producers.failure import ClientError
from producers.http.app import make_app
from producers.http.asking import Asking
from producers.http.gateway import Gateway
from producers.http.reading import Reading
from producers.http.unreadable import server_log
from producers.http.v1.rehearsing import Rehearse
from schemas.settings import Settings

BACKLOG: Final = 1024
STOP_SECONDS: Final = 8.0
"""Whoever waits longer when the process is told to stop gets no answer; `wallet up` gives it 10."""

IDLE_SECONDS: Final = 620.0
"""A connection that has asked may rest so long: longer than load balancers keep theirs."""

log: Final = structlog.get_logger(__name__)

Tell = Callable[[str], None]


class ServingError(Exception):
    """The gateway cannot serve; the text says why, and what to do."""


def refuse_open(host: str, logins: str) -> None:
    """Refuse an address that a network reaches, unless logins are required.

    Raises ServingError.
    """
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ServingError(
            f"WALLET_HTTP_HOST: {host} is no address; the gateway listens on 127.0.0.1"
        ) from None
    if not is_loopback and logins == "open":
        raise ServingError(
            f"WALLET_HTTP_HOST: without logins the gateway listens on loopback only, not on {host};"
            " take 127.0.0.1, or set WALLET_HTTP_LOGINS=required"
        )


async def serve(
    settings: Settings, port: int, tell: Tell, rehearse: Rehearse, *, share_port: bool = False
) -> None:
    """Serve until SIGTERM or SIGINT. Port 0 takes a free one; `tell` gets the address.

    Processes that share a port each get a part of its connections. `rehearse` knows the rules, for
    dry runs: the composition root hands it in.

    Raises ServingError when the address may not or cannot be used, or Kafka is not there.
    """
    refuse_open(settings.http_host, settings.http_logins)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    client = await asyncio.to_thread(_client, settings)
    reading = Reading(settings)
    try:
        asking = Asking(client, reading, settings.http_timeout, settings.http_waiting_max)
        gateway = Gateway(settings, asking, reading, rehearse)
        runner = await start(make_app(gateway), settings, port, share_port=share_port)
        assert runner.server is not None, "it is set up"
        gateway.patience.watch(runner.server)
        tell(address_of(runner))
        await stopped.wait()
        log.info("gateway stops", waiting=asking.waiting)
        await runner.cleanup()
        await gateway.close()
    finally:
        reading.close()
        await asyncio.to_thread(client.close)


def _client(settings: Settings) -> Client:
    """A client that hears all results from now on."""
    try:
        client = Client(settings)
        client.hear_all()
    except ClientError as error:
        raise ServingError(str(error)) from error
    return client


async def start(
    app: web.Application, settings: Settings, port: int, *, share_port: bool
) -> web.AppRunner:
    """Let an application listen. Raises ServingError."""
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=server_log(),
        shutdown_timeout=STOP_SECONDS,
        keepalive_timeout=IDLE_SECONDS,
        auto_decompress=False,  # reading_requests does
    )
    await runner.setup()
    try:
        host, shared = settings.http_host, share_port or None
        await web.TCPSite(runner, host, port, backlog=BACKLOG, reuse_port=shared).start()
    except OSError as error:
        await runner.cleanup()
        raise ServingError(
            f"cannot listen on {settings.http_host}:{port}: {error.strerror}"
        ) from None
    return runner


def address_of(runner: web.AppRunner) -> str:
    """The address of a started gateway, as "http://127.0.0.1:8001"."""
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
