"""A TCP proxy on loopback before Kafka or PostgreSQL, in a thread of its own, that breaks the way.

Before Kafka it speaks enough of the protocol to stay in the way: where the broker tells clients its
own address, it puts the proxy's. So the broker needs no second listener, and any broker that
advertises 127.0.0.1 will do.
"""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final, Self, TypeVar

from wallet.local import ports
from wallet.torture.proxy_links import Held, KafkaLink, Link, Side, Weather, reset

BACKLOG: Final = 512
ORDER_SECONDS: Final = 10.0
"""Within so long the proxy's thread does what it is told."""

Found = TypeVar("Found")


class Proxy:
    """Listens from `start` to `stop`; the methods between are for other threads."""

    def __init__(self, server_port: int, *, is_kafka: bool) -> None:
        self.port = ports.free()
        self._server_port = server_port
        self._is_kafka = is_kafka
        self._links: set[Link] = set()
        self._weather = Weather()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Host and port, as WALLET_KAFKA_BOOTSTRAP has them."""
        return f"{ports.HOST}:{self.port}"

    @property
    def counts(self) -> Counter[str]:
        """Bytes of each direction, and connections `accepted`, `refused`, `cut`, `held`, `deaf`."""
        return self._do(lambda: Counter(self._weather.counts))

    @property
    def open(self) -> int:
        """How many connections there are."""
        return self._do(lambda: len(self._links))

    def start(self) -> Self:
        """Listen. Raises OSError when the port cannot be had."""
        self._thread.start()
        opening = asyncio.start_server(self._accept, ports.HOST, self.port, backlog=BACKLOG)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(ORDER_SECONDS)
        return self

    def stop(self) -> None:
        """End all connections and listen no more."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(ORDER_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ORDER_SECONDS)
        self._loop.close()

    def cut_all(self) -> int:
        """Reset all connections; how many."""
        return self._do(lambda: self._cut(list(self._links)))

    def cut(self, dice: Random, share: float) -> int:
        """Reset this share of all connections; how many."""
        return self._do(lambda: self._cut([x for x in self._links if dice.random() < share]))

    def deafen(self) -> int:
        """Let all connections that there are pass nothing any more, for good; new ones do."""

        def deafen() -> int:
            for link in self._links:
                link.deaf = True
            self._weather.counts["deaf"] += len(self._links)
            return len(self._links)

        return self._do(deafen)

    def refuse(self, *, wanted: bool) -> None:
        """End every new connection at once, or accept them again."""

        def change() -> None:
            self._weather.is_refusing = wanted

        self._do(change)

    def freeze(self, *sides: Side) -> None:
        """Pass nothing on in these directions; connections stay open, and new ones are taken."""
        self._do(lambda: self._weather.frozen.update(sides))

    def slow(self, delay: float, rate: float | None = None) -> None:
        """Pass each piece on `delay` seconds later, and at most `rate` bytes a second."""

        def change() -> None:
            self._weather.delay, self._weather.rate = delay, rate

        self._do(change)

    def hold(self, *held: Held) -> None:
        """Hold back what comes next of these kinds, once each."""
        self._do(lambda: self._weather.held.extend(held))

    @property
    def waits(self) -> bool:
        """Whether some of what is to be held back has not come yet."""
        return self._do(lambda: bool(self._weather.held))

    def heal(self) -> None:
        """Undo everything: what was frozen goes on, what is deaf is cut."""

        def heal() -> None:
            self._weather.delay, self._weather.rate = 0.0, None
            self._weather.is_refusing = False
            self._weather.held.clear()
            for link in [link for link in self._links if link.deaf]:
                link.cut()
                link.deaf = False
            self._weather.thaw()

        self._do(heal)

    def _do(self, order: Callable[[], Found]) -> Found:
        async def obey() -> Found:
            return order()

        return asyncio.run_coroutine_threadsafe(obey(), self._loop).result(ORDER_SECONDS)

    def _cut(self, chosen: list[Link]) -> int:
        for link in chosen:
            link.cut()
        self._weather.counts["cut"] += len(chosen)
        return len(chosen)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in self._links:
            link.cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._weather.is_refusing:
            self._weather.counts["refused"] += 1
            reset(writer)
            return
        self._weather.counts["accepted"] += 1
        link = self._link(writer)
        self._links.add(link)
        try:
            await link.run(reader, (ports.HOST, self._server_port))
        except (OSError, TimeoutError, asyncio.CancelledError):
            reset(writer)  # the server is down, and so is the way to it; or the proxy ends
        finally:
            self._links.discard(link)

    def _link(self, writer: StreamWriter) -> Link:
        if self._is_kafka:
            return KafkaLink(self._weather, writer, (self._server_port, self.port))
        return Link(self._weather, writer)
