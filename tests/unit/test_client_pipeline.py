"""Many commands at once: bounded, complete, and never waiting for ever."""

import queue
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.board import Pending
from producers.failure import ClientError, ResultTimeout
from producers.message import Message
from producers.pipeline import Pipeline
from schemas.results import AnyResult, CommandRef


def _result(command_id: str) -> AnyResult:
    ref = CommandRef("/a", command_id, "deposit.v1", "wallet.commands.v1", 0, int(command_id))
    return AnyResult(ref, "completed", None, "2026-11-20T10:00:00.000Z", {})


def _messages(count: int) -> list[Message]:
    return [Message("/a", str(number), None, b"{}", []) for number in range(count)]


class PaperLedger:
    """Answers from a thread of its own, in batches, the last of a batch first.

    Records whose turn is in `silent` get no result in the log, only in the database.
    """

    def __init__(self, batch: int = 1, silent: frozenset[int] = frozenset()) -> None:
        self.open = 0
        self.most_open = 0
        self.looked_up = 0
        self._batch = batch
        self._silent = silent
        self._arrived: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def post(self, pending: Pending) -> None:
        """Take a record."""
        with self._lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        if int(pending.message.id) not in self._silent:
            self._arrived.put(pending)

    def look_up(self, pending: Pending) -> None:
        """Find an answer in the database."""
        if int(pending.message.id) in self._silent:
            self.looked_up += 1
            pending.settle(_result(pending.message.id))

    def unpin(self, _: Pending) -> None:
        """Forget a record."""
        with self._lock:
            self.open -= 1

    def end(self) -> None:
        """Answer no more."""
        self._arrived.put(None)
        self._thread.join(5)

    def _answer(self) -> None:
        while (first := self._arrived.get()) is not None:
            batch = [first]
            while len(batch) < self._batch and not self._arrived.empty():
                more = self._arrived.get()
                if more is None:
                    return
                batch.append(more)
            for pending in reversed(batch):
                pending.settle(_result(pending.message.id))
                pending.tell(pending)


def _pipeline(ledger: PaperLedger) -> Pipeline:
    return Pipeline(ledger.post, ledger.look_up, ledger.unpin)


@given(count=st.integers(0, 60), in_flight=st.integers(1, 20), batch=st.integers(1, 20))
def test_every_command_is_answered_once_and_no_more_are_out(
    count: int, in_flight: int, batch: int
) -> None:
    """In whatever order the answers come."""
    ledger = PaperLedger(batch)
    answers = list(_pipeline(ledger).run(_messages(count), in_flight, 5))
    ledger.end()
    assert sorted(answer.turn for answer in answers) == list(range(count))
    assert all(answer.result == _result(str(answer.turn)) for answer in answers)
    assert ledger.most_open <= in_flight
    assert ledger.open == 0


def test_repeated_commands_find_their_answers_in_the_database() -> None:
    """They get no result of their own; the rest of the load is not held up by them."""
    ledger = PaperLedger(silent=frozenset({3, 7, 8}))
    answers = list(_pipeline(ledger).run(_messages(10), 20, 0.2))
    ledger.end()
    assert len(answers) == 10
    assert ledger.looked_up == 3


def test_silence_ends_in_a_timeout_that_names_the_command() -> None:
    """The oldest that is open, and how to look it up."""
    nothing = Pipeline(lambda _: None, lambda _: None, lambda _: None)
    with pytest.raises(ResultTimeout, match="wallet result 0 --source /a") as caught:
        list(nothing.run(_messages(2), 10, 0.05))
    assert (caught.value.source, caught.value.command_id) == ("/a", "0")


def test_what_cannot_be_sent_ends_the_run_and_leaves_nothing_pinned() -> None:
    """A failure of the producer is the failure of the run."""
    unpinned: list[Pending] = []

    def post(pending: Pending) -> None:
        if pending.message.id == "1":
            pending.failure = ClientError("Kafka did not take the command")
            pending.tell(pending)

    pipeline = Pipeline(post, lambda _: None, unpinned.append)
    with pytest.raises(ClientError, match="did not take"):
        list(pipeline.run(_messages(3), 10, 5))
    assert {pending.message.id for pending in unpinned} >= {"0", "1"}
