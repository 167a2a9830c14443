"""Asking: who waits is woken from other threads, is told why not, and leaves nothing behind."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from producers.board import Pending
from producers.client import Client
from producers.failure import ClientError
from producers.http.asking import Asking, NotSentError, PendingAnswerError
from producers.http.errors import EarlyError, busy
from producers.http.reading import Reading
from producers.message import Message, message_of, uuid7
from schemas import results
from schemas.results import AnyResult

MESSAGE = message_of("wallet.create.v1", {"wallet_id": uuid7()}, command_id="one")
RESULT = AnyResult(
    command=results.CommandRef("/wallet", "one", "wallet.create.v1", "commands", 0, 7),
    status="completed",
    wallet_id=None,
    recorded_at="2026-11-20T10:00:00.000Z",
    sequences={},
)
TEXT = (
    b'{"command":{"source":"/wallet","id":"one","type":"wallet.create.v1","topic":"commands",'
    b'"partition":0,"offset":7},"status":"completed","wallet_id":null,'
    b'"recorded_at":"2026-11-20T10:00:00.000Z","sequences":{}}'
)
Does = Callable[[Pending], None]


class PostingClient:
    """A client that does with a record what the test says, in a thread of its own."""

    def __init__(self, *does: Does) -> None:
        self._does = does
        self.posted: list[Pending] = []
        self.forgotten: list[Pending] = []
        self.has_forgotten = asyncio.Event()

    def post(self, message: Message, tell: Callable[[Pending], object]) -> Pending:
        """Post it; each step is told at once."""
        pending = Pending(message, tell)
        self.posted.append(pending)

        def run() -> None:
            for step in self._does:
                step(pending)
                pending.tell(pending)

        threading.Thread(target=run).start()
        return pending

    def forget(self, pending: Pending) -> None:
        """Note it."""
        self.forgotten.append(pending)
        self.has_forgotten.set()


class StoredAnswers:
    """A database that has one answer, none, or is away."""

    def __init__(self, answer: bytes | None = None, away: EarlyError | None = None) -> None:
        self.answer = answer
        self.away = away
        self.looks = 0

    async def read(self, *_: object) -> bytes | None:
        """Give it."""
        self.looks += 1
        if self.away:
            raise self.away
        return self.answer


def asking(client: PostingClient, stored: StoredAnswers, *, limit: int = 10) -> Asking:
    """An asking that waits for half a second."""
    return Asking(cast("Client", client), cast("Reading", cast("Any", stored)), 0.5, limit)


def placed(pending: Pending) -> None:
    """The broker has it."""
    pending.place = (0, 7)


def answered(pending: Pending) -> None:
    """The result is there."""
    pending.settle(RESULT)


def failed(pending: Pending) -> None:
    """The broker has not taken it."""
    pending.failure = ClientError("Kafka took nothing")


async def test_a_result_wakes_who_waits() -> None:
    """Whichever comes first, the place or the result; nothing is pinned afterwards."""
    for does in ((placed, answered), (answered, placed)):
        client = PostingClient(*does)
        own = asking(client, StoredAnswers())
        assert await own.ask(MESSAGE, may_repeat=False) == RESULT
        await asyncio.wait_for(client.has_forgotten.wait(), 30)
        assert client.forgotten == client.posted


async def test_a_repeated_command_is_not_sent_again() -> None:
    """Where the database has its answer."""
    client = PostingClient()
    own = asking(client, StoredAnswers(TEXT))
    assert (await own.ask(MESSAGE, may_repeat=True)).command.offset == 7
    assert client.posted == []


async def test_no_result_is_pending_or_busy() -> None:
    """By whether the broker has the record; a database that is away changes nothing."""
    stored = StoredAnswers(away=busy("away"))
    own = asking(PostingClient(placed), stored)
    with pytest.raises(PendingAnswerError):
        await own.ask(MESSAGE, may_repeat=True)
    assert stored.looks >= 2
    assert own.waiting == 0

    own = asking(PostingClient(), StoredAnswers())
    with pytest.raises(EarlyError) as early:
        await own.ask(MESSAGE, may_repeat=False)
    assert early.value.answer.status == 503
    assert own.waiting == 1  # the record is still the producer's


async def test_what_is_certainly_not_sent_is_told_apart() -> None:
    """There was no room for it, here or with the producer; what that one has taken may be sent."""

    class FullClient(PostingClient):
        def post(self, message: Message, tell: Callable[[Pending], object]) -> Pending:
            raise ClientError(f"no room for {message.id} {tell}")

    for own in (asking(PostingClient(), StoredAnswers(), limit=0),
                asking(FullClient(), StoredAnswers())):  # fmt: skip
        with pytest.raises(NotSentError) as early:
            await own.ask(MESSAGE, may_repeat=True)
        assert early.value.answer.status == 503
        assert own.waiting == 0


async def test_a_failure_is_told() -> None:
    """With the id under which it may be sent again; whether it was sent is not known."""
    own = asking(PostingClient(failed), StoredAnswers())
    with pytest.raises(EarlyError) as early:
        await own.ask(MESSAGE, may_repeat=False)
    assert not isinstance(early.value, NotSentError)
    assert early.value.answer.body == {"detail": "Kafka took nothing", "command_id": "one"}
    assert own.waiting == 0


async def test_a_late_word_of_the_broker_makes_room() -> None:
    """The slot is held until then, so that the producer's queue has room for all."""
    client = PostingClient()
    own = asking(client, StoredAnswers(), limit=1)
    with pytest.raises(EarlyError):
        await own.ask(MESSAGE, may_repeat=False)
    with pytest.raises(EarlyError) as early:
        await own.ask(MESSAGE, may_repeat=False)
    assert early.value.answer.headers == {"Retry-After": "1"}
    assert len(client.posted) == 1
    (pending,) = client.posted
    failed(pending)
    pending.tell(pending)
    await asyncio.wait_for(client.has_forgotten.wait(), 30)
    assert own.waiting == 0
    assert client.forgotten == [pending]


async def test_many_wait_at_once() -> None:
    """Each is woken by its own."""
    own = asking(PostingClient(placed, answered), StoredAnswers(), limit=200)
    found = await asyncio.gather(*(own.ask(MESSAGE, may_repeat=False) for _ in range(200)))
    assert found == [RESULT] * 200
