"""Asks the ledger over Kafka: many requests wait at once, and none of them blocks the loop.

The client's threads tell what they hear; it is taken over in the loop, many at a time.
"""

import asyncio
from collections import deque
from typing import Final, NamedTuple

from producers.board import Pending
from producers.client import Client
from producers.failure import ClientError
from producers.http.errors import EarlyError, busy
from producers.http.reading import Reading, answer_text
from producers.message import Message, fingerprint_of
from schemas import results
from schemas.results import AnyResult

LOOKS: Final = (0.3, 0.7, 1.0)
"""Seconds of silence before a command that may be a repetition is looked up; then the last."""


class Heard(NamedTuple):
    """A result, and whether it is that of an earlier record of the same command."""

    result: AnyResult
    is_replayed: bool


class PendingAnswerError(Exception):
    """The command is in the log, its result is not there yet."""


class NotSentError(EarlyError):
    """A command was not sent, and that is certain: the producer has not taken it."""


class Asking:
    """One client of the ledger and all the requests that wait for it.

    At most `limit` commands are open. One stays open until its request has been answered and the
    broker has said what became of its record: so the producer's queue has room for all of them,
    and for one that finds none the loop does not wait.
    """

    def __init__(self, client: Client, reading: Reading, timeout: float, limit: int) -> None:
        self._client = client
        self._reading = reading
        self._timeout = timeout
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._open: dict[Pending, asyncio.Future[None] | None] = {}
        self._told: deque[Pending] = deque()
        self._is_woken = False

    @property
    def waiting(self) -> int:
        """How many commands are open."""
        return len(self._open)

    @property
    def room(self) -> int:
        """How many more may be."""
        return self._limit - len(self._open)

    async def ask(self, message: Message, *, may_repeat: bool) -> AnyResult:
        """Send a command and give its result; for one that `may_repeat` the first answer.

        Raises PendingAnswerError when there is none in time, NotSentError 503 when there are too
        many already, EarlyError 503 when Kafka does not take it.
        """
        return (await self.hear(message, may_repeat=may_repeat, look_first=may_repeat)).result

    async def hear(self, message: Message, *, may_repeat: bool, look_first: bool) -> Heard:
        """As `ask`, with whether it was done before.

        Without `look_first` a repetition is found out 0.3 s later, for want of a second result;
        a first time is spared a look at the database.
        """
        if look_first:
            known = await self._look_up(message, fingerprint_of(message))
            if known:
                return Heard(known, is_replayed=True)
        return await self.await_result(self.send(message), may_repeat=may_repeat)

    async def known(self, message: Message) -> Heard | None:
        """The answer that this very command got before; None where there is none."""
        found = await self._look_up(message, fingerprint_of(message))
        return Heard(found, is_replayed=True) if found else None

    def send(self, message: Message) -> Pending:
        """Hand a command over; `await_result` must follow. Raises NotSentError 503."""
        if len(self._open) >= self._limit:
            raise NotSentError(busy("Too many requests wait for their results.").answer)
        try:
            pending = self._client.post(message, self._tell)
        except ClientError as error:
            raise NotSentError(busy(str(error), command_id=message.id).answer) from error
        self._open[pending] = self._loop.create_future()
        return pending

    async def await_result(self, pending: Pending, *, may_repeat: bool) -> Heard:
        """The result of a command that was sent. Raises as `ask`."""
        try:
            result = await self._wait(pending, may_repeat=may_repeat)
            own = (result.command.partition, result.command.offset)
            return Heard(result, is_replayed=pending.place not in (None, own))
        finally:
            self._leave(pending)

    async def _wait(self, pending: Pending, *, may_repeat: bool) -> AnyResult:
        deadline = self._loop.time() + self._timeout
        looks = iter(LOOKS)
        found: AnyResult | None = None
        while (left := deadline - self._loop.time()) > 0:
            pause = min(next(looks, LOOKS[-1]), left) if may_repeat else left
            await self._hear(pending, pause)
            if pending.result:
                return pending.result
            if pending.failure:
                raise busy(str(pending.failure), command_id=pending.message.id)
            found = found or await self._look_up(pending.message, pending.fingerprint)
            if found and (pending.place or not may_repeat):
                return found  # only the record's place tells whether this is its own result
        if known := pending.result or found:
            return known
        if pending.place is None:
            words = "Kafka has not taken the command in time; it may still. Send it again under"
            raise busy(f"{words} the same id.", command_id=pending.message.id)
        raise PendingAnswerError

    async def _hear(self, pending: Pending, seconds: float) -> None:
        """Wait until there is a result or a failure, at most so long."""
        heard = self._open[pending]
        assert heard is not None, "it is awaited once"
        if heard.done():
            heard = self._open[pending] = self._loop.create_future()
        if pending.result or pending.failure:
            return
        timer = self._loop.call_later(seconds, _wake, heard)  # half the price of asyncio.wait()
        try:
            await heard
        finally:
            timer.cancel()

    async def _look_up(self, message: Message, fingerprint: str | None) -> AnyResult | None:
        """The stored answer; none where the database does not say: the log may still."""
        try:
            found = await self._reading.read(answer_text, message.source, message.id, fingerprint)
        except EarlyError:
            return None
        return results.decode(found) if found else None

    def _leave(self, pending: Pending) -> None:
        """The request is answered: forget its record, as soon as the broker has said its word."""
        self._open[pending] = None  # before we look: what is told from now on is taken up
        if pending.place or pending.failure:
            del self._open[pending]
            self._client.forget(pending)

    def _tell(self, pending: Pending) -> None:
        """Hear from the client's threads."""
        if self._open.get(pending) and not (pending.result or pending.failure):
            return  # only its place is known: whoever waits for it looks there when it leaves
        self._told.append(pending)
        if not self._is_woken:
            self._is_woken = True
            try:
                self._loop.call_soon_threadsafe(self._take)
            except RuntimeError:  # the loop has ended
                return

    def _take(self) -> None:
        """Wake those who wait, in the loop."""
        self._is_woken = False  # before the first is taken: who comes now wakes us again
        while self._told:
            pending = self._told.popleft()
            heard = self._open.get(pending)
            if heard is not None:
                _wake(heard)
            elif pending in self._open:
                self._leave(pending)


def _wake(heard: asyncio.Future[None]) -> None:
    if not heard.done():
        heard.set_result(None)
