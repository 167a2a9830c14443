"""`wallet up`: the whole copy from an empty folder to the banner, and down again."""

import asyncio
import os
import signal
import socket
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stamina.instrumentation

from schemas.settings import Settings, is_said
from wallet.failure import UsageFailure
from wallet.local import consumers, gateway, leftovers, page, ports, training, workers
from wallet.local.folder import DataFolder
from wallet.local.halves import refuse_half
from wallet.local.health import HealthReader
from wallet.local.lag import LagReader
from wallet.local.parts import Parts, Starter
from wallet.local.supervisor import Addresses, Supervisor
from wallet.local.telling import Telling
from wallet.wrong_settings import told_by_name

USUAL_HTTP_PORT, USUAL_GATEWAY_PORT, USUAL_BANK_PORT = 8000, 8001, 8010
USUAL_KAFKA_PORT, USUAL_POSTGRES_PORT = 9092, 5432


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for on the command line; a port that is None may be any.

    Without workers there are Kafka and PostgreSQL, and nothing that works on them.
    """

    data: Path
    fresh: bool = False
    worker_count: int = 1
    http_port: int | None = None
    kafka_port: int | None = None
    postgres_port: int | None = None
    bank_port: int | None = None
    gateway_port: int | None = None
    # The slot, counted from 1, is added.
    worker_command: tuple[str, ...] = workers.COMMAND


def up(wanted: Wanted, telling: Telling) -> None:
    """Run a copy until SIGINT, SIGTERM or SIGHUP; return when everything has ended.

    Raises:
        Failure: it could not be started; what had been started was ended again.
        UsageFailure: what was wanted cannot be, and nothing was touched.

    """
    with told_by_name(Settings):
        Settings()  # before data is thrown away, which a wrong setting must not cost
    _refuse_unheard(wanted)
    if wanted.fresh:
        refuse_half("--fresh")
    stamina.instrumentation.set_on_retry_hooks(())  # a line for each retry is no line for people
    folder = DataFolder.at(wanted.data)
    folder.prepare()
    with folder.held():
        leftovers.end(folder)
        if wanted.fresh:
            folder.empty()
            folder.prepare()
        asyncio.run(_run(wanted, folder, telling))


def _refuse_unheard(wanted: Wanted) -> None:
    """Refuse a port that nothing would listen on; 0, which is no one port, is always heard."""
    for option, port, setting in (
        ("--kafka-port", wanted.kafka_port, "kafka_bootstrap"),
        ("--postgres-port", wanted.postgres_port, "database_url"),
        ("--bank-port", wanted.bank_port, "bank_url"),
    ):
        if port and is_said(setting):
            raise UsageFailure(
                f"{option} {port} is of a server that is not started, since"
                f" WALLET_{setting.upper()} names yours; leave one of the two out"
            )
    for option, port in (
        ("--bank-port", wanted.bank_port),
        ("--gateway-port", wanted.gateway_port),
    ):
        if port and not wanted.worker_count:
            raise UsageFailure(
                f"{option} {port} is of a server that is not started without workers;"
                " leave it out, or ask for a worker"
            )


async def _run(wanted: Wanted, folder: DataFolder, telling: Telling) -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    listener = _listen(ports.choose(wanted.http_port, USUAL_HTTP_PORT, "--http-port"))
    parts = parts_of(wanted)
    settings = parts.settings()
    addresses = _addresses(wanted, listener, settings)
    supervisor = Supervisor(folder, addresses, os.getpid())
    starter = Starter(parts, settings, supervisor, telling, LagReader(settings))
    async with AsyncExitStack() as ends:
        health = HealthReader(supervisor, starter.lag)
        runner = await page.serve(listener, supervisor.addresses, health)
        ends.push_async_callback(runner.cleanup)
        ends.push_async_callback(_stop, supervisor, telling)
        supervisor.write_state()
        started = asyncio.create_task(_start(wanted, starter))
        if await _ended_before(started, told_to_stop):
            telling.banner(supervisor.addresses, str(folder.root), settings.http_logins)
            if parts.kafka_port is not None:
                work = asyncio.create_task(training.make(folder.logs / "training.log"))
                ends.push_async_callback(_cancelled, {work})
            await told_to_stop.wait()


async def _ended_before(task: asyncio.Task[None], event: asyncio.Event) -> bool:
    """Await the task unless the event comes first, which cancels it."""
    waiting = asyncio.create_task(event.wait())
    done, rest = await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await _cancelled(rest)
    if task in done:
        task.result()
    return task in done


async def _cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel them, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ports.HOST, port))
    return listener


def parts_of(wanted: Wanted) -> Parts:
    """Promise the ports of the servers that no setting replaces."""

    def port(setting: str, wanted_port: int | None, usual: int, option: str) -> int | None:
        return None if is_said(setting) else ports.choose(wanted_port, usual, option)

    is_called = wanted.worker_count > 0
    return Parts(
        port("kafka_bootstrap", wanted.kafka_port, USUAL_KAFKA_PORT, "--kafka-port"),
        port("database_url", wanted.postgres_port, USUAL_POSTGRES_PORT, "--postgres-port"),
        port("bank_url", wanted.bank_port, USUAL_BANK_PORT, "--bank-port") if is_called else None,
    )


def _addresses(wanted: Wanted, listener: socket.socket, settings: Settings) -> Addresses:
    """Give all addresses; without workers nobody calls a bank, and no gateway could answer."""
    bank_url = gateway_url = None
    if wanted.worker_count:
        port = ports.choose(wanted.gateway_port, USUAL_GATEWAY_PORT, "--gateway-port")
        bank_url, gateway_url = settings.bank_url, gateway.address(port)
    return Addresses(
        http=f"http://{ports.HOST}:{listener.getsockname()[1]}",
        kafka=settings.kafka_bootstrap,
        postgres=settings.database_url,
        bank=bank_url,
        gateway=gateway_url,
    )


async def _stop(supervisor: Supervisor, telling: Telling) -> None:
    telling.line("stopping ...")
    await supervisor.stop()
    telling.line("stopped")


async def _start(wanted: Wanted, starter: Starter) -> None:
    await starter.start()
    await workers.await_leaders(starter.lag)
    if wanted.worker_count:
        await _start_work(wanted, starter)
    starter.supervisor.phase = "ready"


async def _start_work(wanted: Wanted, starter: Starter) -> None:
    """Start all that works on the servers, then wait: on two cores nobody waits for another."""
    started = await workers.start(starter, wanted.worker_count, wanted.worker_command)
    following = await consumers.start(starter)
    place = starter.supervisor.addresses.gateway
    assert place, "there are workers"
    door = await gateway.start(starter, place)
    await workers.await_claims(starter, started)
    await consumers.await_owned(starter, following)
    await gateway.await_answers(starter, door, place)
