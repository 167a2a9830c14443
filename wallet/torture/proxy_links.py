"""One connection through a proxy: two pumps, and what may go wrong with what they carry.

What a proxy does to a connection it does in the pumps, so that it is in order: what is held back
holds back what comes after it. A pump that is frozen does not read, and the sender finds out when
the buffers on the way are full. What it has read it still delivers when it thaws, also after the
sender has gone: that is how a server comes to hear of a commit that nobody waits for any more.
"""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

CHUNK_BYTES: Final = 64 * 1024
ANSWER_SECONDS: Final = 5.0
"""How long a server may take to accept a connection."""

ADDRESSES: Final = frozenset({3, 10, 60})
"""Kafka's answers that name brokers: Metadata, FindCoordinator, DescribeCluster."""

COMMIT: Final = b"COMMIT\0"
"""The end of the message with which a batch is committed."""

# Closing sends a reset instead of a farewell: linger on, for no time.
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


class Side(StrEnum):
    """Which way something goes."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


class Held(NamedTuple):
    """What to do with the next request of a kind, or with its answer: keep it, then drop it or not.

    `key`: the number of Kafka's request, e.g. 26 for EndTxn; nothing for a COMMIT of PostgreSQL.
    Dropping is cutting the connection: a stream has no holes.
    """

    side: Side
    seconds: float
    is_lost: bool
    key: int | None = None


@dataclass(slots=True)
class Weather:
    """What the links of one proxy are up against; changed on the proxy's own thread only."""

    delay: float = 0.0
    """Seconds before each piece is passed on."""
    rate: float | None = None
    """Bytes a second, of each direction of each connection."""
    is_refusing: bool = False
    """Whether new connections are ended at once."""
    frozen: set[Side] = field(default_factory=set)
    held: list[Held] = field(default_factory=list)
    """To be met once each, the first that fits first."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced by another, whenever a direction thaws."""
    counts: Counter[str] = field(default_factory=Counter)

    def meet(self, side: Side, key: int | None) -> Held | None:
        """Take out what is meant for this one."""
        for held in self.held:
            if (held.side, held.key) == (side, key):
                self.held.remove(held)
                self.counts["held"] += 1
                return held
        return None

    def thaw(self) -> None:
        """Let everything go on."""
        self.frozen.clear()
        self.moved.set()
        self.moved = asyncio.Event()


class LostError(Exception):
    """What was to be passed on is lost, and the connection with it."""


class Link:
    """One connection, as PostgreSQL's. `deaf`: it passes nothing on any more, and says nothing."""

    def __init__(self, weather: Weather, client: StreamWriter) -> None:
        self._weather = weather
        self._client = client
        self._server: StreamWriter | None = None
        self._awaits_commit = False
        self.deaf = False

    async def run(self, from_client: StreamReader, upstream: tuple[str, int]) -> None:
        """Carry both ways until both ends have ended."""
        async with asyncio.timeout(ANSWER_SECONDS):
            from_server, self._server = await asyncio.open_connection(*upstream)
        there = asyncio.create_task(self._pump(Side.TO_SERVER, from_client, self._server))
        back = asyncio.create_task(self._pump(Side.TO_CLIENT, from_server, self._client))
        try:
            await asyncio.wait({there, back})
        finally:
            there.cancel()
            back.cancel()
            self.cut()

    def cut(self) -> None:
        """End it at both ends without a farewell."""
        for writer in (self._client, self._server):
            if writer is not None:
                reset(writer)

    async def _pump(self, side: Side, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self._carry(side, reader, writer)
        except LostError:
            self.cut()
        except (OSError, asyncio.IncompleteReadError):
            pass  # one end has gone; the other hears it when this one closes
        finally:
            writer.close()

    async def _carry(self, side: Side, reader: StreamReader, writer: StreamWriter) -> None:
        """Pass pieces on as they come."""
        while piece := await reader.read(CHUNK_BYTES):
            await self._keep(self._commit_in(side, piece))
            await self._pass(side, piece, writer)

    def _commit_in(self, side: Side, piece: bytes) -> Held | None:
        """What is planned for a COMMIT, or for the answer to one that went by."""
        if side is Side.TO_SERVER:
            self._awaits_commit = piece.endswith(COMMIT)
        elif self._awaits_commit:
            self._awaits_commit = False
            return self._weather.meet(side, None)
        return self._weather.meet(side, None) if self._awaits_commit else None

    async def _keep(self, held: Held | None) -> None:
        if held is None:
            return
        await asyncio.sleep(held.seconds)  # the time is the fault
        if held.is_lost:
            raise LostError

    async def _pass(self, side: Side, piece: bytes, writer: StreamWriter) -> None:
        """Pass a piece on when the weather lets it through."""
        weather = self._weather
        while side in weather.frozen or self.deaf:
            await weather.moved.wait()
        slow = 0.0 if weather.rate is None else len(piece) / weather.rate
        if weather.delay or slow:
            await asyncio.sleep(weather.delay + slow)  # the time is the fault
        writer.write(piece)
        await writer.drain()
        weather.counts[side] += len(piece)


class KafkaLink(Link):
    """A connection to a broker: knows where requests begin, and puts our port for the broker's."""

    def __init__(self, weather: Weather, client: StreamWriter, ports: tuple[int, int]) -> None:
        super().__init__(weather, client)
        theirs, ours = (b"127.0.0.1" + struct.pack(">i", port) for port in ports)
        self._address = (theirs, ours)
        self._asked: dict[int, int] = {}
        """The number of an unanswered request -> its kind."""

    async def _carry(self, side: Side, reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            try:
                size = await reader.readexactly(4)
            except asyncio.IncompleteReadError:
                return
            left = int.from_bytes(size)
            if side is Side.TO_SERVER:
                await self._request(size, left, reader, writer)
            else:
                await self._answer(size, left, reader, writer)

    async def _request(
        self, size: bytes, left: int, reader: StreamReader, writer: StreamWriter
    ) -> None:
        head = await reader.readexactly(8)
        kind, _, number = struct.unpack(">hhi", head)
        self._asked[number] = kind
        await self._keep(self._weather.meet(Side.TO_SERVER, kind))
        await self._rest(Side.TO_SERVER, size + head, left - len(head), reader, writer)

    async def _answer(
        self, size: bytes, left: int, reader: StreamReader, writer: StreamWriter
    ) -> None:
        head = await reader.readexactly(4)
        kind = self._asked.pop(int.from_bytes(head, signed=True), -1)
        await self._keep(self._weather.meet(Side.TO_CLIENT, kind))
        left -= len(head)
        if kind in ADDRESSES:
            body = await reader.readexactly(left)
            await self._pass(Side.TO_CLIENT, size + head + body.replace(*self._address), writer)
        else:
            await self._rest(Side.TO_CLIENT, size + head, left, reader, writer)

    async def _rest(
        self, side: Side, head: bytes, left: int, reader: StreamReader, writer: StreamWriter
    ) -> None:
        """Pass on a head that was read and so many bytes more, a small one in one piece."""
        piece = head + await reader.readexactly(min(left, CHUNK_BYTES))
        left -= len(piece) - len(head)
        await self._pass(side, piece, writer)
        while left:
            piece = await reader.readexactly(min(left, CHUNK_BYTES))
            left -= len(piece)
            await self._pass(side, piece, writer)


def reset(writer: StreamWriter) -> None:
    """End a connection without a farewell."""
    found = writer.get_extra_info("socket")
    with suppress(OSError):  # it may have ended
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()
