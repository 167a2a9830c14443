"""Which result answers which record: correlation by source, id and place."""

import sys

import pytest

from producers import board as boards
from producers.board import Board, Pending
from producers.failure import ClientError
from producers.message import Message, fingerprint_of, message_of
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
    assert board.hints(pending) == []


def test_a_result_at_another_place_is_only_a_hint() -> None:
    """The record may repeat that command, or be other content under its id. Nobody is woken."""
    board = Board(10)
    pending, told = _pinned(board, "1")
    board.delivered(pending, 2, 18)
    board.answered(_result("1", 2, 17))
    assert pending.result is None
    assert board.hints(pending) == [_result("1", 2, 17)]
    assert told.times == 1


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
    assert board.hints(other) == []
    assert board.hints(repeated) == [result]


@pytest.mark.parametrize("is_late", [False, True])
def test_no_content_is_read_to_hear_a_result(
    monkeypatch: pytest.MonkeyPatch, *, is_late: bool
) -> None:
    """However many have one id: the thread that hears is everybody's. Hints read each once."""
    reads: list[Message] = []

    def read(message: Message) -> str | None:
        reads.append(message)
        return fingerprint_of(message)

    monkeypatch.setattr(boards, "fingerprint_of", read)
    board = Board(50)
    pinned = [Pending(_deposit(f"{turn}.00"), lambda _: None) for turn in range(1, 51)]
    results = [_result("1", 2, offset) for offset in range(50)]
    for pending in pinned:
        board.pin(pending)
    for result in results if is_late else ():
        board.answered(result)
    for offset, pending in enumerate(pinned):
        board.delivered(pending, 2, offset)
    for result in () if is_late else results:
        board.answered(result)
    assert [pending.result for pending in pinned] == results
    assert reads == []
    assert [board.hints(pending) for pending in pinned * 2] == [[each] for each in results * 2]
    assert len(reads) == 50


def test_what_was_heard_before_a_record_is_no_hint_for_it() -> None:
    """It may be the result of whatever had the id until then."""
    board = Board(10)
    _pinned(board, "1")
    board.answered(_result("1", 2, 17))
    pending, _ = _pinned(board, "1")
    board.answered(_result("1", 2, 18))
    assert board.hints(pending) == [_result("1", 2, 18)]


def test_what_only_those_have_heard_who_are_gone_is_forgotten() -> None:
    """An id that is used without end, each time before the last one is done, does not grow."""
    board = Board(10)
    first, _ = _pinned(board, "1")
    board.delivered(first, 2, 17)
    result = _result("1", 2, 17)
    held = sys.getrefcount(result)
    board.answered(result)
    second, _ = _pinned(board, "1")
    board.unpin(first)
    del first
    assert sys.getrefcount(result) == held
    assert board.hints(second) == []


def test_an_id_that_is_used_without_end_takes_no_memory_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first record is waited for by nobody, and pinned until many others are."""
    monkeypatch.setattr(boards, "HEARD_MAX", 3)
    board = Board(10)
    first, _ = _pinned(board, "1")
    board.delivered(first, 0, 0)
    board.answered(_result("1", 0, 0))
    for offset in range(1, 20):
        other, _ = _pinned(board, "1")
        board.delivered(other, 0, offset)
        board.answered(_result("1", 0, offset))
        assert other.result is not None
        board.unpin(other)
    same = board._pending["/a", "1"]  # noqa: SLF001 - there is no other sign of it
    assert len(same._heard) == 3  # noqa: SLF001 - as above
    assert len(same._owners) == 4  # noqa: SLF001 - as above
    assert board.find(("/a", "1"), (0, 0)) is first


def test_a_result_that_comes_again_is_nothing_new() -> None:
    """After a new leader of the partition the same record may be read twice."""
    board = Board(10)
    first, told = _pinned(board, "1")
    second, _ = _pinned(board, "1")
    board.delivered(first, 2, 17)
    board.answered(_result("1", 2, 17))
    board.unpin(first)
    board.answered(_result("1", 2, 17))
    assert told.times == 2
    assert board.find(("/a", "1"), (2, 17)) is None
    assert board.hints(second) == [_result("1", 2, 17)]


def test_where_a_record_stands_is_known_of_one_given_up_too() -> None:
    """So its result, heard before, is no hint for other content."""
    board = Board(10)
    pinned = [Pending(_deposit(amount), lambda _: None) for amount in ("1.00", "2.00", "999.00")]
    for pending in pinned:
        board.pin(pending)
    first, second, other = pinned
    board.answered(_result("1", 2, 17))
    board.unpin(first)
    board.unpin(second)
    assert board.hints(other) == [_result("1", 2, 17)]
    board.delivered(first, 2, 17)
    board.delivered(second, 2, 18)
    assert board.hints(other) == []
    assert board.hints(first) == []
    assert board.find(("/a", "1"), (2, 18)) is None


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
