"""The bank's client against sockets that misbehave: one outcome for everything, and no hanging."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.bank.client import BankClient
from consumers.bank.orders import Order
from consumers.bank.outcomes import Kind, Outcome
from schemas.settings import Settings

ORDER = Order("01a1f866-0d7b-84d9-8291-0f5cd2dffd2e", "01930f6e-3c00-7000-8000-00000000000a",
              "50.00", "IRR", "IR-7")  # fmt: skip
OTHER = Order("01a1f866-0d7b-84d9-8291-000000000000", ORDER.wallet_id, "1.00", "IRR")
PAID = b'{"data": "success", "status": 200}'
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Socket:
    """A server that reads requests and does what the test says; a context."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._behaviour = behaviour
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for writer in self._serving.values():
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError), aborting(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                     if line.startswith(b"content-length")), 0,
                )  # fmt: skip
                self.requests.append(head + await reader.readexactly(length))
                await self._behaviour(reader, writer)
                await writer.drain()


@contextmanager
def aborting(writer: asyncio.StreamWriter) -> Iterator[None]:
    """End the connection on the way out."""
    try:
        yield
    finally:
        writer.transport.abort()


def answering(*parts: bytes, then: str = "") -> Behaviour:
    """A behaviour: send these bytes, then `close`, `reset` or `hang`."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
        await writer.drain()
        if then == "hang":
            await reader.read()
        if then == "reset":
            linger_not = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger_not
            )
        if then:
            raise ConnectionError

    return behave


def http(body: bytes, status: int = 200, *headers: str, length: int | None = None) -> bytes:
    """An HTTP answer; its length may be a lie."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def named(order: Order) -> bytes:
    """Success of an order, by name."""
    return json.dumps({"data": "success", "status": 200, "key": order.key}).encode()


def settings_of(port: int, *, timeout: float = 5.0, knows_keys: bool = True) -> Settings:
    """The settings for a server on this port."""
    url = f"http://127.0.0.1:{port}"
    return Settings(
        bank_url=f"{url}/pay",
        bank_status_url=f"{url}/orders/{{key}}",
        bank_timeout=timeout,
        bank_knows_keys=knows_keys,
    )


async def pay(behaviour: Behaviour, patience: float = 5.0) -> Outcome:
    """The outcome of one order at such a server."""
    async with (
        Socket(behaviour) as server,
        BankClient(settings_of(server.port, timeout=patience)) as bank,
    ):
        return await bank.pay(ORDER)


async def test_an_order_as_it_is_sent() -> None:
    """One POST with the key as a header, and the same bytes each time."""
    async with (
        Socket(answering(http(PAID))) as server,
        BankClient(settings_of(server.port)) as bank,
    ):
        assert (await bank.pay(ORDER)).kind is Kind.PAID
        assert (await bank.pay(ORDER)).kind is Kind.PAID
    first, second = server.requests
    assert first == second
    assert server.connections == 2, "kept after an answer without a name"
    assert first.startswith(b"POST /pay HTTP/1.1\r\n")
    assert f"\r\nIdempotency-Key: {ORDER.withdrawal_id}\r\n".encode() in first
    assert json.loads(first.partition(b"\r\n\r\n")[2]) == {
        "wallet_uuid": ORDER.wallet_id,
        "amount": "50.00",
        "currency": "IRR",
        "target": "IR-7",
        "withdrawal_id": ORDER.withdrawal_id,
    }


async def test_what_became_of_an_order_is_asked_for() -> None:
    """By GET, under the key; a question that was not put says nothing of the order."""
    async with Socket(answering(http(named(ORDER)))) as server:
        own = settings_of(server.port)
        async with BankClient(own) as bank:
            assert (await bank.status(ORDER.key)).kind is Kind.PAID
        assert server.requests[0].startswith(f"GET /orders/{ORDER.key} ".encode())
    async with BankClient(own) as bank:
        outcome = await bank.status(ORDER.key)
    assert (outcome.kind, outcome.down) == (Kind.UNKNOWN, True)


async def test_nobody_there() -> None:
    """No connection, no call: by a closed port, an unknown name, or a server that speaks no TLS."""
    async with Socket(answering()) as server:
        port = server.port
        async with BankClient(
            Settings(bank_url=f"https://127.0.0.1:{port}/", bank_timeout=2)
        ) as bank:
            assert (await bank.pay(ORDER)).kind is Kind.NOT_DONE
    for url in (f"http://127.0.0.1:{port}/", "http://bank.invalid/"):
        async with BankClient(Settings(bank_url=url, bank_timeout=5)) as bank:
            outcome = await bank.pay(ORDER)
        assert (outcome.kind, outcome.of_key, outcome.down) == (Kind.NOT_DONE, False, True)


@pytest.mark.parametrize(
    "behaviour",
    [
        answering(then="close"),
        answering(then="reset"),
        answering(http(PAID)[:-5], then="close"),
        answering(http(PAID)[:-5], then="reset"),
        answering(http(PAID, length=1000), then="close"),
        answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc", then="close"),
        answering(b"SSH-2.0-OpenSSH\r\n", then="close"),
        answering(b"\x00" * 5000, then="close"),
        answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", then="close"),
    ],
)
async def test_a_broken_answer_is_unknown(behaviour: Behaviour) -> None:
    """The order was sent: who knows what was done."""
    outcome = await pay(behaviour)
    assert (outcome.kind, outcome.down) == (Kind.UNKNOWN, True)


@pytest.mark.parametrize("parts", [b"", b"HTTP/1.1 200 OK\r\n", http(PAID)[:-1]])
async def test_an_answer_that_does_not_come_is_unknown(parts: bytes) -> None:
    """In time, that is."""
    outcome = await pay(answering(parts, then="hang"), 0.2)
    assert (outcome.kind, outcome.down) == (Kind.UNKNOWN, True)


async def test_an_endless_answer_ends() -> None:
    """By its length where it is fast, by the time where it is slow."""

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    outcome = await pay(pour)
    assert outcome == Outcome(Kind.UNKNOWN, "the bank's answer is longer than 16384 bytes")

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.05)
        raise ConnectionError

    assert (await pay(drip, 0.3)).kind is Kind.UNKNOWN


async def test_nothing_is_followed_or_unpacked() -> None:
    """Neither a redirect nor a compressed body."""
    moved = answering(http(b"", 307, "Location: /elsewhere"))
    async with Socket(moved) as server, BankClient(settings_of(server.port)) as bank:
        assert (await bank.pay(ORDER)).kind is Kind.UNKNOWN
    assert len(server.requests) == 1
    assert (await pay(answering(http(PAID, 200, "Content-Encoding: gzip")))).kind is Kind.PAID
    assert (await pay(answering(http(b"\x1f\x8b\x08", 200, "Content-Encoding: gzip")))).kind is (
        Kind.UNKNOWN
    )


async def test_an_answer_that_comes_twice_is_nobody_elses() -> None:
    """Without a name the connection is not used again; with one it is seen to be another's."""
    async with (
        Socket(answering(http(PAID) * 2)) as server,
        BankClient(settings_of(server.port)) as bank,
    ):
        assert (await bank.pay(ORDER)).kind is Kind.PAID
        await bank.pay(OTHER)
    assert server.connections == 2

    answers = iter([http(named(ORDER)), http(named(ORDER)), http(named(OTHER))])

    async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    async with Socket(late) as server, BankClient(settings_of(server.port)) as bank:
        assert (await bank.pay(ORDER)).kind is Kind.PAID
        assert (await bank.pay(OTHER)).kind is Kind.UNKNOWN
        assert server.connections == 1
        assert (await bank.pay(OTHER)).kind is Kind.PAID
    assert server.connections == 2


async def test_connections_are_kept_only_where_it_is_safe() -> None:
    """To a bank that knows keys: one that closes just then leaves the outcome unknown."""
    async with Socket(answering(http(named(ORDER)))) as server:
        for knows_keys, connections in ((True, 1), (False, 1 + 3)):
            async with BankClient(settings_of(server.port, knows_keys=knows_keys)) as bank:
                for _ in range(3):
                    assert (await bank.pay(ORDER)).kind is Kind.PAID
            assert server.connections == connections


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_one_outcome(said: bytes) -> None:
    """As the whole answer, or as the body of one."""
    for answer in (said, http(said)):
        outcome = asyncio.run(pay(answering(answer, then="close")))
        assert outcome.kind in (Kind.UNKNOWN, Kind.PAID)
