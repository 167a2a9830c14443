"""Which result answers which record: correlation by source, id and place."""

import pytest

from producers.board import Board, Pending
from producers.failure import ClientError
from producers.message import Message, message_of
from schemas.results import AnyResult, CommandRef


def _message(command_id: str, source: str = "/a") -> Message:
    return Message(source, command_id, None, b"{}", [])


def _result(command_id: str, partition: int, offset: int, source: str = "/a") -> AnyResult:
    ref = CommandRef(source, command_id, "deposit.v1", "wallet.commands.v1", partition, offset)
    return AnyResult(ref, "completed", None, "2026-11-20T10:00:00.000Z", {})


def _deposit(amount: str) -> Message:
    data = {"wallet_id": "01930f6e-3c00-7000-8000-00000000000a", "amount": amount}
    return message_of("deposit.v1", data, source="/a", command_id="1")


class Told:
    """Counts what a pending record is told."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, _: Pending) -> None:
        """Count."""
        self.times += 1


def _pinned(board: Board, command_id: str, source: str = "/a") -> tuple[Pending, Told]:
    told = Told()
    pending = Pending(_message(command_id, source), told)
    board.pin(pending)
    return pending, told


def test_a_result_answers_the_record_at_its_place() -> None:
    """Delivered first, heard later: the usual order."""
    board = Board(10)
    pending, told = _pinned(board, "1")
    board.delivered(pending, 2, 17)
    board.answered(_result("1", 2, 17))
    assert pending.result == _result("1", 2, 17)
    assert told.times == 2
    assert pending.seconds > 0


def test_a_result_may_be_heard_before_the_delivery_report() -> None:
    """Both come from threads of librdkafka, in any order."""
    board = Board(10)
    pending, _ = _pinned(board, "1")
    board.answered(_result("1", 2, 17))
    assert pending.result is None
    board.delivered(pending, 2, 17)
    assert pending.result == _result("1", 2, 17)


def test_the_same_id_of_another_source_is_another_command() -> None:
    """Ids are unique within their source only."""
    board = Board(10)
    pending, _ = _pinned(board, "1", "/a")
    board.delivered(pending, 2, 17)
    board.answered(_result("1", 2, 17, source="/b"))
    assert pending.heard == []


def test_a_result_at_another_place_is_only_a_hint() -> None:
    """The record may repeat that command, or be other content under its id."""
    board = Board(10)
    pending, _ = _pinned(board, "1")
    board.delivered(pending, 2, 18)
    board.answered(_result("1", 2, 17))
    assert pending.result is None
    assert pending.heard == [_result("1", 2, 17)]


@pytest.mark.parametrize("is_late", [False, True])
def test_a_result_of_other_content_is_no_hint(*, is_late: bool) -> None:
    """Whichever comes first, the result of 1.00 or the word where that one stands."""
    board = Board(10)
    wanted = [_deposit("1.00"), _deposit("999.00"), _deposit("1.00")]
    pinned = [Pending(message, lambda _: None) for message in wanted]
    for pending in pinned:
        board.pin(pending)
    result = _result("1", 2, 17)
    if is_late:
        board.answered(result)
    for offset, pending in enumerate(pinned, 17):
        board.delivered(pending, 2, offset)
    if not is_late:
        board.answered(result)
    first, other, repeated = pinned
    assert first.result == result
    assert other.heard == []
    assert repeated.heard == [result]


def test_two_records_of_one_id_are_told_apart_by_their_places() -> None:
    """Each is settled by its own result."""
    board = Board(10)
    first, _ = _pinned(board, "1")
    second, _ = _pinned(board, "1")
    board.delivered(first, 2, 17)
    board.delivered(second, 2, 18)
    board.answered(_result("1", 2, 18))
    assert (first.result, second.result) == (None, _result("1", 2, 18))
    assert board.find(("/a", "1"), (2, 17)) is first
    board.unpin(first)
    assert board.expects("1")
    board.unpin(second)
    assert not board.expects("1")


def test_what_is_unpinned_is_not_expected() -> None:
    """Unpinning twice, or what was never pinned, is nothing."""
    board = Board(10)
    pending, told = _pinned(board, "1")
    board.unpin(pending)
    board.unpin(pending)
    board.unpin(Pending(_message("2"), told))
    board.answered(_result("1", 0, 0))
    assert told.times == 0


def test_past_the_limit_the_oldest_is_forgotten() -> None:
    """A client that sends for ever and never waits does not grow."""
    board = Board(3)
    for number in range(10):
        _pinned(board, str(number))
    assert [number for number in range(10) if board.expects(str(number))] == [7, 8, 9]


def test_what_nobody_may_wait_for_is_forgotten_first() -> None:
    """A load of commands that are only sent leaves alone who waits for a result."""
    board = Board(3)
    awaited, _ = _pinned(board, "awaited")
    for number in range(10):
        sent = Pending(_message(str(number)), lambda _: None)
        sent.is_loose = True
        board.pin(sent)
    assert board.expects("awaited")
    assert [number for number in range(10) if board.expects(str(number))] == [8, 9]
    board.unpin(awaited)
    assert not board.expects("awaited")


def test_a_failure_is_told() -> None:
    """Who waits for a record that did not reach the log is not left waiting."""
    board = Board(10)
    pending, told = _pinned(board, "1")
    failure = ClientError("no")
    board.failed(pending, failure)
    assert pending.failure is failure
    assert told.times == 1
