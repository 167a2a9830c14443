"""One worker process: Faust in the main thread, lanes, bell and watchdog beside it."""

import asyncio
import logging
import os
import signal
import socket
from typing import Final

import faust
import psycopg2
import structlog
from aiokafka.errors import KafkaError
from faust import streams as faust_streams
from faust.exceptions import ConsumerNotStarted

from producers.logs import log_to_stderr
from producers.metrics import REGISTRY
from schemas.settings import Settings
from streams import app as ledger_app
from streams import machine
from streams.bell import Bell
from streams.crashing import EXIT_CODE, crash
from streams.holding import Holding
from streams.measures import Partitions
from streams.presence import Presence
from streams.reaching import await_broker, await_database
from streams.transport import LedgerConsumer
from streams.watchdog import Watchdog

log: Final = structlog.get_logger(__name__)

LEAVE_SECONDS: Final = 2.0
"""For a word to the group, which would notice by itself after the session of 6 s."""


def main(settings: Settings, slot: str) -> int:
    """Work until SIGTERM or SIGINT; the exit code. Exits 70 on what must not be survived."""
    log_to_stderr()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})  # Faust would open a debugger (F14)
    assert_compiled()
    machine.settle(settings.worker_cpu)
    await_database(settings)
    await_broker(settings)
    return asyncio.run(_work(settings, slot))


def assert_compiled() -> None:
    """Refuse Faust's pure-Python iterator, which acknowledges what it skips (F15)."""
    if getattr(faust_streams, "_CStreamIterator", None) is None:
        raise RuntimeError("Faust's compiled extensions are missing: reinstall faust-streaming.")


async def _work(settings: Settings, slot: str) -> int:
    holding = Holding(settings, owner=f"{slot}@{socket.gethostname()}:{os.getpid()}")
    bell = Bell(settings, holding.wake_many, crash)
    holding.on_arrivals(bell.ring)
    bell.start()
    app = ledger_app.make(settings, holding, slot)
    app.finalize()
    consumer = app.consumer  # made here: the watchdog's thread must not be the first to ask
    assert isinstance(consumer, LedgerConsumer), "the app's transport makes it"
    watchdog = _watched(settings, holding, consumer)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    presence = _present(settings, slot, consumer)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await app.start()
    log.info("worker started", slot=slot, pid=os.getpid())
    crashed = asyncio.create_task(_await_crash(app))
    await asyncio.wait(
        {asyncio.create_task(stopped.wait()), crashed}, return_when=asyncio.FIRST_COMPLETED
    )
    watchdog.end()
    if crashed.done():
        await holding.give_up()
        log.critical("Faust crashed", error=repr(app.crash_reason))
        os._exit(EXIT_CODE)
    holding.let_go()  # before others can hear that we leave: who is quick may claim at once
    if await _depart(consumer):
        await _hand_over(holding, presence)
    await holding.give_up()
    log.info("worker stopped", slot=slot)
    # Daemon threads and clients' own threads have nothing left to do: everything is committed.
    logging.shutdown()
    os._exit(0)


async def _depart(consumer: LedgerConsumer) -> bool:
    """Leave the group, whether it hears it. Faust is not stopped: its fetches go on."""
    try:
        await asyncio.wait_for(consumer.leave(), LEAVE_SECONDS)
    except (TimeoutError, KafkaError, ConsumerNotStarted) as error:
        log.warning("could not leave the group; it will notice", error=repr(error))
        return False
    return True


async def _hand_over(holding: Holding, presence: Presence) -> None:
    """Work until others have taken over what is ours; at once done where there are none."""
    loop = asyncio.get_running_loop()

    async def is_somebody_there() -> bool:
        return await loop.run_in_executor(None, presence.is_somebody_there)

    try:
        await loop.run_in_executor(None, presence.leave)
        await holding.hand_over(is_somebody_there)
    except psycopg2.Error as error:
        log.warning("cannot see whether others are there", error=str(error).strip())


def _present(settings: Settings, slot: str, consumer: LedgerConsumer) -> Presence:
    """Be there for the others, and look after them; before the group is joined."""
    loop = asyncio.get_running_loop()

    def put_out(member_id: str) -> None:
        work = asyncio.run_coroutine_threadsafe(consumer.put_out(member_id), loop)
        work.result(LEAVE_SECONDS)

    presence = Presence(settings, slot, put_out, crash)
    presence.appear()
    presence.start()
    return presence


def _watched(settings: Settings, holding: Holding, consumer: LedgerConsumer) -> Watchdog:
    """Start what looks after the lanes: the watchdog, and the door for those who look from afar."""
    watchdog = Watchdog(
        settings,
        lambda: holding.lanes,
        crash,
        lambda: _assigned(consumer),
        consumer.unheard_error,
    )
    watchdog.start()
    REGISTRY.register(Partitions(lambda: holding.lanes, lambda: dict(watchdog.ends)))
    return watchdog


def _assigned(consumer: LedgerConsumer) -> set[int]:
    """The partitions that the group has given this worker; from any thread."""
    try:
        return {tp.partition for tp in consumer.assignment()}
    except ConsumerNotStarted:
        return set()


async def _await_crash(app: faust.App) -> None:
    """Return when Faust says that it has crashed."""
    await app.wait(app._crashed)  # noqa: SLF001 - there is no public name for it
