"""A client of the ledger: sends commands, waits for their results.

    with Client(Settings.load()) as client:
        result = client.submit("deposit.v1", {"wallet_id": ..., "amount": "50.00"})

The producer is idempotent and waits for all replicas; results are read committed. The same id
may be sent again at any time: the answer is the first one. `submit` waits for the result, `promise`
gives a future, which calls back; `stream` sends many.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Final, NamedTuple, Self, Unpack

from producers.board import Board, Pending
from producers.failure import ClientError, ResultTimeout
from producers.listener import Listener
from producers.message import SOURCE, Attributes, Message, message_of
from producers.pipeline import IN_FLIGHT, NEXT_LOOK, Answer, Pipeline
from producers.promises import Promises
from producers.sender import Sender
from schemas.commands import CommandData
from schemas.identifiers import partition_of
from schemas.results import AnyResult
from schemas.settings import Settings

WAITING: Final = 20_000
"""Commands whose results one client remembers; some 2 KB each, with what is sent."""

TIMEOUT: Final = 10.0
"""Seconds a result is waited for. A killed worker is replaced within 8."""

FIRST_LOOK: Final = 0.5
"""Seconds without a word from the log before the database is asked for the first time.

A result takes some 15 ms; only a repeated command has none of its own.
"""

FindResult = Callable[[str, str, str | None], AnyResult | None]
"""Looks an answer up where it is kept: (source, id, fingerprint of the content) -> result."""


class Sent(NamedTuple):
    """A command in the log: who asked, and where it stands in the commands topic."""

    id: str
    source: str
    partition: int
    offset: int


class Client:
    """Sends commands and waits for results; one may be shared by threads.

    `find_result` looks first answers up in the database or at a gateway (`first_answers`), where
    one is reachable. `hears=False` makes a client that only sends. Of promises at most `in_flight`
    are open.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        find_result: FindResult | None = None,
        hears: bool = True,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        assert 0 < in_flight <= WAITING // 2, "past that the first ones would be forgotten"
        self._settings = settings
        self._find_result = find_result
        self._board = Board(WAITING)
        self._sender = Sender(settings, self._board)
        self._listener = (
            Listener(settings, self._board.expects, self._board.answered) if hears else None
        )
        self._promises = Promises(
            self._post,
            self._look_up,
            self._board.unpin,
            limit=in_flight,
            looks=(FIRST_LOOK, NEXT_LOOK),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(0 if error else TIMEOUT)

    def close(self, timeout: float = TIMEOUT) -> None:
        """Take no more promises, wait for those that are open, send what is queued, then end.

        What has no result after `timeout` seconds fails with ClientClosed; it may still be done.
        """
        self._promises.close(timeout)
        self._sender.close()
        if self._listener:
            self._listener.close()

    def send(
        self,
        command: str | CommandData,
        data: Mapping[str, object] | None = None,
        *,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        **attributes: Unpack[Attributes],
    ) -> Sent:
        """Put a command into the log and wait until all replicas have it.

        A command is its type and its data, or both as a struct of schemas.commands.
        Raises ClientError when they do not within `kafka_timeout`, ValueError for an empty id.
        """
        return self.send_message(
            message_of(command, data, source=source, command_id=id, attributes=attributes)
        )

    def submit(
        self,
        command: str | CommandData,
        data: Mapping[str, object] | None = None,
        *,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        timeout: float = TIMEOUT,
        **attributes: Unpack[Attributes],
    ) -> AnyResult:
        """Send a command and give its result; raises as `send` and `wait` do."""
        sent = self.send(command, data, source=source, id=id, **attributes)
        return self.wait(sent, timeout)

    def promise(
        self,
        command: str | CommandData,
        data: Mapping[str, object] | None = None,
        *,
        source: str = SOURCE,
        id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        timeout: float = TIMEOUT,
        **attributes: Unpack[Attributes],
    ) -> Future[AnyResult]:
        """Send a command without waiting; the future of its result, which can call back.

        It fails with what `send` and `wait` raise. Where `in_flight` are open already, this waits
        for room, `kafka_timeout` at most, then raises ClientError.
        """
        return self.promise_message(
            message_of(command, data, source=source, command_id=id, attributes=attributes),
            timeout,
        )

    def promise_message(
        self, message: Message, timeout: float = TIMEOUT, *, wait: float | None = None
    ) -> Future[AnyResult]:
        """As `promise`, for a ready record; waits `wait` seconds for room."""
        assert self._listener, "a client that only sends hears nothing"
        room = self._settings.kafka_timeout if wait is None else wait
        return self._promises.make(message, timeout, room)

    def send_message(self, message: Message) -> Sent:
        """Put a ready record into the log, as `send` does."""
        known = threading.Event()
        pending = Pending(message, lambda _: known.set())
        pending.is_loose = True
        self._post(pending)
        if not known.wait(self._settings.kafka_timeout + 1):
            self._board.unpin(pending)
            raise self._sender.unreachable("took nothing")
        if pending.failure:
            self._board.unpin(pending)
            raise pending.failure
        assert pending.place, "told about neither a place nor a failure"
        return Sent(message.id, message.source, *pending.place)

    def wait(self, sent: Sent, timeout: float = TIMEOUT) -> AnyResult:
        """The result of a sent command; for a repeated one the first answer.

        Raises ResultTimeout when there is none within `timeout` seconds.
        """
        pending = self._pending_of(sent)
        known = threading.Event()
        pending.tell = lambda _: known.set()
        deadline = time.monotonic() + timeout
        pause = FIRST_LOOK
        while pending.result is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ResultTimeout(sent.source, sent.id, timeout)
            if not known.wait(min(pause, left)):
                self._look_up(pending)
                pause = NEXT_LOOK
            known.clear()
        self._board.unpin(pending)
        return pending.result

    def send_many(
        self,
        messages: Iterable[Message],
        on_result: Callable[[AnyResult, float], None] | None = None,
        *,
        in_flight: int = IN_FLIGHT,
        timeout: float = TIMEOUT,
    ) -> list[AnyResult]:
        """Send many commands, at most `in_flight` unanswered at a time; results in their order.

        `on_result(result, seconds)` is called for each as it comes, in this thread. Raises
        ClientError when one cannot be sent, ResultTimeout when nothing moves for `timeout` seconds.
        """
        answers: dict[int, AnyResult] = {}
        for turn, result, seconds in self.stream(messages, in_flight=in_flight, timeout=timeout):
            answers[turn] = result
            if on_result:
                on_result(result, seconds)
        return [answers[turn] for turn in range(len(answers))]

    def stream(
        self,
        messages: Iterable[Message],
        *,
        in_flight: int = IN_FLIGHT,
        timeout: float = TIMEOUT,
    ) -> Iterator[Answer]:
        """Send as many as there are and give each answer as it comes; raises as `send_many`."""
        pipeline = Pipeline(self._post, self._look_up, self._board.unpin)
        return pipeline.run(messages, in_flight, timeout)

    @property
    def partitions(self) -> int:
        """The number of partitions of the commands topic."""
        return self._sender.partitions

    def hear_all(self) -> None:
        """Listen to every partition from now on, so that no later send waits for that."""
        assert self._listener, "a client that only sends hears nothing"
        for partition in range(self._sender.partitions):
            self._listener.hear(partition)

    def post(self, message: Message, tell: Callable[[Pending], object]) -> Pending:
        """Hand a record over without waiting for anything; it is pinned until `forget`.

        `tell` is called from other threads, whenever its place, its failure or its result is
        known. Raises ClientError when the producer does not take it, or has no room.
        """
        pending = Pending(message, tell)
        self._post(pending, 0)
        return pending

    def forget(self, pending: Pending) -> None:
        """Expect no more for a record that was posted."""
        self._board.unpin(pending)

    def _pending_of(self, sent: Sent) -> Pending:
        """What is pinned for a command, or a stand-in for one that this client did not send."""
        place = (sent.partition, sent.offset)
        pinned = self._board.find((sent.source, sent.id), place)
        if pinned:
            return pinned
        pending = Pending(Message(sent.source, sent.id, None, b"", []), lambda _: None)
        pending.place = place
        return pending

    def _post(self, pending: Pending, wait: float | None = None) -> None:
        """Hand a record to the producer, as `Sender.put`; its place or failure is told later.

        The ear is at the end of the results before the command is sent, so nothing is missed.
        """
        if self._listener:
            for partition in self._partitions_of(pending.message.key):
                self._listener.hear(partition)
            self._board.pin(pending)
        try:
            self._sender.put(pending, wait)
        except ClientError:
            self._board.unpin(pending)
            raise

    def _partitions_of(self, key: bytes | None) -> Iterable[int]:
        """Where a record may land: without a key that is anywhere."""
        if key is None:
            return range(self._sender.partitions)
        return (partition_of(key.decode(), self._sender.partitions),)

    def _look_up(self, pending: Pending) -> None:
        """Settle a record from the database; without one, by a result of the same id."""
        if self._find_result:
            source, command_id = pending.name
            found = self._find_result(source, command_id, pending.fingerprint)
        else:
            found = next(iter(self._board.hints(pending)), None)
        if found:
            pending.settle(found)
