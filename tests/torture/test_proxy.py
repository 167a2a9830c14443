"""The proxy of the torture: passes on what it is sent, and breaks what it is told to."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from wallet.torture.proxy import Proxy
from wallet.torture.proxy_links import Held, Side

PATIENCE = 30.0
MOMENT = 0.3
"""Long enough for what is not held back."""


class Server(threading.Thread):
    """Takes connections one by one, and answers each piece with what `answer` makes of it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.told = threading.Condition()

    def run(self) -> None:
        """Serve until the listener is closed."""
        while True:
            try:
                found, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(found,), daemon=True).start()

    def _serve(self, found: socket.socket) -> None:
        with found:
            while piece := _piece(found):
                with self.told:
                    self.heard.append(piece)
                    self.told.notify_all()
                try:
                    found.sendall(self.answer(piece))
                except OSError:
                    return

    def answer(self, piece: bytes) -> bytes:
        """The same again."""
        return piece

    def await_heard(self, piece: bytes) -> bool:
        """Whether it came."""
        with self.told:
            return self.told.wait_for(lambda: piece in self.heard, PATIENCE)

    def end(self) -> None:
        """Listen no more."""
        self._listener.close()


class Broker(Server):
    """Answers requests of Kafka with the request's number and this broker's address."""

    def answer(self, piece: bytes) -> bytes:
        """One answer for one request, whatever is asked."""
        body = piece[8:12] + b"broker 127.0.0.1" + struct.pack(">i", self.port)
        return struct.pack(">i", len(body)) + body


def _piece(found: socket.socket) -> bytes:
    try:
        return found.recv(65536)
    except OSError:
        return b""


@contextmanager
def between(server: Server, *, is_kafka: bool) -> Iterator[Proxy]:
    """A proxy before a server, both ended afterwards."""
    server.start()
    proxy = Proxy(server.port, is_kafka=is_kafka).start()
    try:
        yield proxy
    finally:
        proxy.stop()
        server.end()


@contextmanager
def called(proxy: Proxy) -> Iterator[socket.socket]:
    """A connection through it."""
    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as found:
        found.settimeout(PATIENCE)
        yield found


def request(kind: int, number: int) -> bytes:
    """A request of Kafka that asks for nothing in particular."""
    head = struct.pack(">hhi", kind, 0, number) + b"rest"
    return struct.pack(">i", len(head)) + head


def says_nothing(found: socket.socket) -> bool:
    """Whether no answer comes within a moment."""
    found.settimeout(MOMENT)
    try:
        return found.recv(1) is None
    except TimeoutError:
        return True
    finally:
        found.settimeout(PATIENCE)


def test_pieces_pass_and_a_large_one_whole() -> None:
    """What goes in at one end comes out at the other, both ways."""
    large = bytes(range(256)) * 4096
    with between(Server(), is_kafka=False) as proxy, called(proxy) as found:
        sender = threading.Thread(target=found.sendall, args=(large,))
        sender.start()
        got = b""
        while len(got) < len(large):
            got += found.recv(65536)
        sender.join(PATIENCE)
        assert got == large
        assert proxy.counts[Side.TO_SERVER] == proxy.counts[Side.TO_CLIENT] == len(large)


def test_a_cut_is_a_reset_and_the_next_connection_is_well() -> None:
    """Also where new ones are refused for a while."""
    with between(Server(), is_kafka=False) as proxy:
        with called(proxy) as found:
            found.sendall(b"once")
            assert found.recv(10) == b"once"
            assert proxy.cut_all() == 1
            with pytest.raises(ConnectionResetError):
                found.recv(10)
        proxy.refuse(wanted=True)
        with pytest.raises(ConnectionResetError), called(proxy) as found:
            found.recv(10)
        proxy.heal()
        with called(proxy) as found:
            found.sendall(b"twice")
            assert found.recv(10) == b"twice"
        assert proxy.counts["refused"] == 1
        assert proxy.cut(Random(1), 0.0) == 0  # noqa: S311 - chance that repeats


@pytest.mark.parametrize("side", list(Side))
def test_half_open(side: Side) -> None:
    """Nothing passes in a frozen direction, nobody is told, and all of it passes afterwards."""
    server = Server()
    with between(server, is_kafka=False) as proxy, called(proxy) as found:
        proxy.freeze(side)
        found.sendall(b"piece")
        assert says_nothing(found)
        assert server.heard == ([b"piece"] if side is Side.TO_CLIENT else [])
        proxy.heal()
        assert found.recv(10) == b"piece"


def test_what_was_held_back_arrives_after_its_sender_has_gone() -> None:
    """A commit that nobody waits for any more."""
    server = Server()
    with between(server, is_kafka=False) as proxy:
        with called(proxy) as found:
            proxy.freeze(Side.TO_SERVER)
            found.sendall(b"COMMIT\0")
            assert says_nothing(found)
        proxy.heal()
        assert server.await_heard(b"COMMIT\0")


def test_the_deaf_stay_so_and_new_ones_are_well() -> None:
    """Until they are cut by healing."""
    with between(Server(), is_kafka=False) as proxy, called(proxy) as old:
        old.sendall(b"a")
        assert old.recv(1) == b"a"
        assert proxy.deafen() == 1
        old.sendall(b"b")
        assert says_nothing(old)
        with called(proxy) as new:
            new.sendall(b"c")
            assert new.recv(1) == b"c"
        proxy.heal()
        with pytest.raises(ConnectionResetError):
            old.recv(1)


def test_a_lost_commit_and_a_lost_answer() -> None:
    """The one was never heard, the other was, and both look the same to the client."""
    for side, was_heard in ((Side.TO_SERVER, False), (Side.TO_CLIENT, True)):
        server = Server()
        with between(server, is_kafka=False) as proxy, called(proxy) as found:
            proxy.hold(Held(side, 0.0, is_lost=True))
            found.sendall(b"SELECT\0")
            assert found.recv(10) == b"SELECT\0"
            found.sendall(b"...;COMMIT\0")
            with pytest.raises(ConnectionResetError):
                found.recv(10)
            assert (b"...;COMMIT\0" in server.heard) == was_heard
            assert proxy.counts["held"] == 1


def test_the_address_of_a_broker_is_the_proxys() -> None:
    """In the answers that tell addresses, and in no others; one EndTxn is lost, none before it."""
    server = Broker()
    with between(server, is_kafka=True) as proxy, called(proxy) as found:
        for kind, port in ((3, proxy.port), (10, proxy.port), (1, server.port), (26, server.port)):
            found.sendall(request(kind, 77))
            told = found.recv(100)
            assert told[4:8] == struct.pack(">i", 77)
            assert told.endswith(b"127.0.0.1" + struct.pack(">i", port))
        proxy.hold(Held(Side.TO_CLIENT, 0.0, is_lost=True, key=26))
        found.sendall(request(0, 78))
        assert found.recv(100)[4:8] == struct.pack(">i", 78)
        found.sendall(request(26, 79))
        with pytest.raises(ConnectionResetError):
            found.recv(100)
        assert server.heard[-1] == request(26, 79)
