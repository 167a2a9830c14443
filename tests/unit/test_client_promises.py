"""Futures of results: each settled once, bounded, called back where a callback may send again."""

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

import pytest

from producers.board import Pending
from producers.failure import ClientClosed, ClientError, ResultTimeout
from producers.message import Message
from producers.promises import Promises
from schemas.results import AnyResult, CommandRef

SECONDS = 30.0


def _result(command_id: str) -> AnyResult:
    ref = CommandRef("/a", command_id, "deposit.v1", "wallet.commands.v1", 0, 1)
    return AnyResult(ref, "completed", None, "2026-11-20T10:00:00.000Z", {})


def _message(command_id: str) -> Message:
    return Message("/a", command_id, None, b"{}", [])


class Log:
    """Takes commands, and answers each from a thread of its own, unless it is to be silent.

    "no ..." is refused by the broker, "lost ..." has its answer in the database only.
    """

    def __init__(self) -> None:
        self.answers = True
        self.open: set[Pending] = set()
        self.most = 0
        self.waits: list[float] = []
        self._posted: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def post(self, pending: Pending, wait: float) -> None:
        """Take a record."""
        self.waits.append(wait)
        if pending.message.id.startswith("unreachable"):
            raise ClientError("Kafka does not answer")
        self.open.add(pending)
        self.most = max(self.most, len(self.open))
        self._posted.put(pending)

    def look_up(self, pending: Pending) -> None:
        """Find the answer of a repeated command."""
        if pending.message.id.startswith("lost"):
            pending.settle(_result(pending.message.id))

    def unpin(self, pending: Pending) -> None:
        """Forget a record."""
        self.open.discard(pending)

    def end(self) -> None:
        """Answer no more."""
        self._posted.put(None)
        self._thread.join(SECONDS)

    def _answer(self) -> None:
        while (pending := self._posted.get()) is not None:
            if pending.message.id.startswith("no "):
                pending.failure = ClientError("Kafka did not take the command")
            elif self.answers and not pending.message.id.startswith("lost"):
                pending.settle(_result(pending.message.id))
            pending.tell(pending)


@contextmanager
def promising(limit: int = 10) -> Iterator[tuple[Promises, Log]]:
    """Promises on a log, closed in the end."""
    log = Log()
    made = Promises(log.post, log.look_up, log.unpin, limit=limit, looks=(0.01, 0.01))
    try:
        yield made, log
    finally:
        made.close(0)
        log.end()
    assert log.open == set()


def test_each_command_has_its_own_result_and_no_more_are_out() -> None:
    """Who has no room waits for it."""
    with promising(limit=7) as (promises, log):
        futures = [promises.make(_message(str(turn)), SECONDS, SECONDS) for turn in range(300)]
        told = [future.result(SECONDS).command.id for future in futures]
        assert told == [str(turn) for turn in range(300)]
        assert log.most <= 7


def test_a_callback_may_send_the_next_command() -> None:
    """It runs in no thread that the next result needs."""
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with promising(limit=2) as (promises, _):

        def go_on(future: Future[AnyResult]) -> None:
            turn = int(future.result().command.id)
            told.put(str(turn))
            if turn < 5:
                promises.make(_message(str(turn + 1)), SECONDS, SECONDS).add_done_callback(go_on)

        promises.make(_message("1"), SECONDS, SECONDS).add_done_callback(go_on)
        assert [told.get(timeout=SECONDS) for _ in range(5)] == ["1", "2", "3", "4", "5"]


def test_a_failure_is_the_futures() -> None:
    """What the broker refused, and what had no result in time; the rest goes on."""
    with promising() as (promises, log):
        refused = promises.make(_message("no room"), SECONDS, 0)
        with pytest.raises(ClientError, match="did not take"):
            refused.result(SECONDS)
        log.answers = False
        late = promises.make(_message("late"), 0.05, 0)
        with pytest.raises(ResultTimeout, match="wallet result late --source /a"):
            late.result(SECONDS)
        log.answers = True
        assert promises.make(_message("next"), SECONDS, 0).result(SECONDS).command.id == "next"


def test_what_cannot_be_sent_is_told_at_once_and_takes_no_room() -> None:
    """As often as it is tried."""
    with promising(limit=1) as (promises, _):
        for _turn in range(3):
            with pytest.raises(ClientError, match="does not answer"):
                promises.make(_message("unreachable"), SECONDS, 0)
        assert promises.make(_message("1"), SECONDS, 0).result(SECONDS)


def test_a_repeated_command_gets_its_first_answer() -> None:
    """Looked up when nothing is heard of it, however many there are."""
    with promising(limit=100) as (promises, _):
        futures = [promises.make(_message(f"lost {turn}"), SECONDS, 0) for turn in range(60)]
        assert [f.result(SECONDS).command.id for f in futures] == [f"lost {n}" for n in range(60)]


def test_past_the_limit_one_is_told_so() -> None:
    """After waiting as long as was asked."""
    with promising(limit=2) as (promises, log):
        log.answers = False
        for turn in range(2):
            promises.make(_message(str(turn)), SECONDS, 0)
        with pytest.raises(ClientError, match="2 commands wait for their results already"):
            promises.make(_message("3"), SECONDS, 0.01)


def test_who_does_not_wait_for_room_waits_nowhere() -> None:
    """The network's queue may be full as well: a loop of asyncio must not stand still for it."""
    with promising() as (promises, log):
        promises.make(_message("1"), SECONDS, 0).result(SECONDS)
        promises.make(_message("2"), SECONDS, 7).result(SECONDS)
        assert log.waits == [0, 7]


def test_whoever_is_cancelled_makes_room_when_it_is_settled() -> None:
    """A result for nobody is nothing."""
    with promising(limit=1) as (promises, log):
        log.answers = False
        gone = promises.make(_message("1"), 0.05, 0)
        assert gone.cancel()
        log.answers = True
        assert promises.make(_message("2"), SECONDS, SECONDS).result(SECONDS).command.id == "2"
        assert gone.cancelled()


def test_closing_waits_for_what_is_open_and_takes_no_more() -> None:
    """Then the rest fails, and says that it may still be done."""
    with promising() as (promises, log):
        done = [promises.make(_message(str(turn)), SECONDS, 0) for turn in range(5)]
        promises.close(SECONDS)
        assert wait(done, 0).not_done == set()
        with pytest.raises(ClientClosed, match="nothing was sent"):
            promises.make(_message("6"), SECONDS, 0)
        assert len(log.open) == 0
    with promising() as (promises, log):
        log.answers = False
        left = promises.make(_message("left"), SECONDS, 0)
        promises.close(0.01)
        with pytest.raises(ClientClosed, match="may still be done"):
            left.result(SECONDS)


def test_closing_what_never_promised_is_nothing() -> None:
    """It has no thread."""
    before = threading.active_count()
    log = Log()
    Promises(log.post, log.look_up, log.unpin, limit=1, looks=(1, 1)).close(SECONDS)
    log.end()
    assert threading.active_count() == before
