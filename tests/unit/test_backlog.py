"""What waits in a lane is taken in its order, bounded in records and in bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import backlog
from streams.backlog import BATCH_BYTES, Backlog
from streams.dead_letters import dead_letter_text
from tests.paper import PaperRecord

MIB = 1024 * 1024


def run_of(first: int, *sizes: int) -> list[PaperRecord]:
    """Records from an offset on with values of so many bytes."""
    return [PaperRecord(n, 0, None, bytes(size)) for n, size in enumerate(sizes, first)]


def weighed(record: object) -> int:
    """The bytes of a record by itself."""
    waiting = Backlog()
    waiting.add([record])  # type: ignore[list-item]
    return waiting.bytes


def parted(first: int, sizes: list[int]) -> list[PaperRecord]:
    """Records of so many bytes, which stand in the value, the key or a header, by turns."""
    made = run_of(first, *sizes)
    for record in made[1::3]:
        record.key, record.value = record.value, None
    for record in made[2::3]:
        record.headers, record.value = [("", record.value or b"")], None
    return made


def offsets(records: object) -> list[int]:
    """Which records these are."""
    return [record.offset for record in records]  # type: ignore[attr-defined]


def test_usual_commands_are_bounded_by_their_number() -> None:
    """A batch takes the first, in order, across runs."""
    waiting = Backlog()
    waiting.add(run_of(7, 300, 300, 300))
    waiting.add(run_of(10, 300, 300))
    assert offsets(waiting.take(4)) == [7, 8, 9, 10]
    assert (waiting.count, waiting.bytes) == (1, 300)
    assert offsets(waiting.take(4)) == [11]
    assert not waiting
    assert waiting.bytes == 0


def test_large_records_are_bounded_by_their_bytes() -> None:
    """Sixteen of a megabyte; what comes behind them waits, however small."""
    waiting = Backlog()
    waiting.add(run_of(0, *[MIB] * 40))
    waiting.add(run_of(40, 10))
    assert offsets(waiting.take(2000)) == list(range(16))
    assert (waiting.count, waiting.bytes) == (25, 24 * MIB + 10)


def test_one_record_is_always_taken() -> None:
    """Else a lane would stand still before it."""
    waiting = Backlog()
    waiting.add(run_of(0, 2 * BATCH_BYTES, 1))
    assert offsets(waiting.take(2000)) == [0]
    assert offsets(waiting.take(2000)) == [1]


def test_a_record_of_nothing_weighs_nothing() -> None:
    """As anybody may produce one."""
    waiting = Backlog()
    waiting.add([PaperRecord(0, 0, None, None)])
    assert waiting.bytes == 0
    assert offsets(waiting.take(1)) == [0]


def test_keys_weigh_as_values_do() -> None:
    """A record may have nothing else."""
    waiting = Backlog()
    waiting.add([PaperRecord(n, 0, bytes(MIB), None) for n in range(40)])
    assert waiting.bytes == 40 * MIB
    assert offsets(waiting.take(2000)) == list(range(16))
    assert (waiting.count, waiting.bytes) == (24, 24 * MIB)


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", bytes(500_000)), ("x" * 125_000, b""), ("\1" * 125_000, None)],
    ids=["a large value", "a long name", "a name of controls"],
)
def test_headers_weigh_too(name: str, value: bytes) -> None:
    """Dead letters carry them in base64, all of a batch in one statement, which has an end."""
    waiting = Backlog()
    waiting.add([PaperRecord(n, 0, None, None, [(name, value)]) for n in range(2000)])
    assert waiting.bytes >= 2000 * 500_000
    taken = waiting.take(2000)
    assert offsets(taken) == list(range(33))
    assert sum(len(dead_letter_text(record)) for record in taken) < 2 * BATCH_BYTES
    assert waiting.bytes >= (2000 - 33) * 500_000


def test_many_small_headers_weigh_what_a_dead_letter_has_of_them() -> None:
    """A header of nothing has its marks in JSON: a record may have ten thousand of it."""
    waiting = Backlog()
    waiting.add([PaperRecord(n, 0, b"", b"", [("", b"")] * 10_000) for n in range(2000)])
    taken = waiting.take(2000)
    assert len(taken) == BATCH_BYTES // 160_000
    assert sum(len(dead_letter_text(record)) for record in taken) < 2 * BATCH_BYTES


@given(
    st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=6), max_size=6),
    st.integers(1, 7),
)
def test_nothing_is_lost_or_doubled(sizes: list[list[int]], most: int) -> None:
    """However it is cut; each batch keeps both limits, or is one record."""
    waiting, first = Backlog(), 0
    for each in sizes:
        waiting.add(parted(first, each))
        first += len(each)
    seen: list[int] = []
    limit, backlog.BATCH_BYTES = backlog.BATCH_BYTES, 50  # type: ignore[misc]
    try:
        while waiting:
            taken = waiting.take(most)
            assert 1 <= len(taken) <= most
            assert len(taken) == 1 or sum(map(weighed, taken)) <= 50
            seen += offsets(taken)
    finally:
        backlog.BATCH_BYTES = limit  # type: ignore[misc]
    assert seen == list(range(first))
    assert waiting.bytes == 0
