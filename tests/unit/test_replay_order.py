"""The order of a replay agrees with every wallet's sequence, or says why there is none."""

import json
from collections.abc import Iterable

import pytest

from consumers.audit.results_log import Kind
from schemas.decoding import decode
from streams.asked import Item
from streams.backlog import bytes_of
from streams.unpacking import FetchedRecord
from wallet.replay import order as orders
from wallet.replay.failure import StuckFailure
from wallet.replay.order import Head, Known, Order
from wallet.replay.recorded import Next, Recorded, Survey

A, B, C = (f"00000000-0000-4000-8000-00000000000{n}" for n in "abc")


def item(partition: int, offset: int, command_id: str = "", amount: str = "1.00") -> Item:
    """A deposit as it stands in the log."""
    body = {
        "specversion": "1.0", "id": command_id or f"{partition}-{offset}", "source": "/t",
        "type": "deposit.v1", "data": {"wallet_id": A, "amount": amount},
    }  # fmt: skip
    value = json.dumps(body).encode()
    record = FetchedRecord("commands", partition, offset, 0, 1, None, value, ())
    return Item(record, decode(None, value))


def did(partition: int, offset: int, *steps: tuple[str, int], kind: Kind = Kind.COMPLETED) -> Next:
    """A command whose result tells these wallets at these sequences."""
    recorded = Recorded(offset, kind, steps, "", b"")
    return Next(partition, item(partition, offset), recorded)


def saw(partition: int, offset: int, *steps: tuple[str, int]) -> Next:
    """A command that was refused."""
    return did(partition, offset, *steps, kind=Kind.REFUSED)


def order_of(*partitions: Iterable[Next], spare: Iterable[Item] = ()) -> Order:
    """An order of these logs; `spare` follows on the first one."""
    logs = [list(log) for log in partitions]
    survey = Survey()
    survey.take(each.recorded for log in logs for each in log if each.recorded)
    heads = [
        Head(number, iter(log), iter(spare if number == 0 else ()))
        for number, log in enumerate(logs)
    ]
    return Order(heads, survey.watchers, Known(lambda _: {}), lambda _: 0)


def places(order: Order, most: int = 100) -> list[tuple[int, int]]:
    """All commands in their order."""
    found = []
    while taken := order.take(most):
        found += [(each.partition, each.item.record.offset) for each in taken]
    return found


@pytest.mark.parametrize("most", [1, 2, 100])
def test_changes_come_in_the_order_of_sequences(most: int) -> None:
    """A wallet that two partitions change by turns, whatever the size of a batch."""
    order = order_of(
        [did(0, 0, (A, 1)), did(0, 1, (A, 3), (B, 2)), did(0, 2, (A, 5))],
        [did(1, 0, (B, 1)), did(1, 1, (B, 3), (A, 4)), did(1, 2, (A, 2), (C, 1))],
    )
    with pytest.raises(StuckFailure, match=r"0:1 waits for wallet .* at 2 \(it is at 1\)"):
        places(order, most)
    order = order_of(
        [did(0, 0, (A, 1)), did(0, 1, (A, 3), (B, 2)), did(0, 2, (A, 5))],
        [did(1, 0, (B, 1)), did(1, 1, (A, 2), (C, 1)), did(1, 2, (B, 3), (A, 4))],
    )
    assert sorted(found := places(order, most)) == [(p, o) for p in (0, 1) for o in range(3)]
    assert found.index((1, 1)) < found.index((0, 1)) < found.index((1, 2)) < found.index((0, 2))


def test_a_batch_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one statement; a record that has more by itself goes alone."""
    order = order_of([did(0, n, (A, n + 1)) for n in range(5)], [did(1, 0, (B, 1))])
    weight = bytes_of((item(0, 0).record,))
    monkeypatch.setattr(orders, "BATCH_BYTES", 2 * weight)
    assert [len(order.take(100)) for _ in range(4)] == [2, 2, 2, 0]
    order = order_of([did(0, n, (A, n + 1)) for n in range(2)])
    monkeypatch.setattr(orders, "BATCH_BYTES", 1)
    assert [len(order.take(100)) for _ in range(3)] == [1, 1, 0]


def test_who_only_saw_a_wallet_goes_before_it_changes() -> None:
    """A refusal on another partition, far behind in its log, holds up the change that follows."""
    order = order_of(
        [did(0, 0, (A, 1)), did(0, 1, (A, 2)), did(0, 2, (A, 3))],
        [did(1, 0, (B, 1)), did(1, 1, (B, 2)), saw(1, 2, (B, 2), (A, 1)), saw(1, 3, (C, 0))],
    )
    found = places(order)
    assert found.index((1, 2)) < found.index((0, 1))
    assert len(found) == 7


def test_a_target_is_seen_and_not_changed() -> None:
    """A step of a withdrawal changes its own wallet, and comes while its target is as it was."""
    order = order_of(
        [did(0, 0, (A, 1)), did(0, 1, (A, 2))],
        [did(1, 0, (B, 1)), did(1, 1, (B, 2), (A, 1), kind=Kind.OWN_ONLY)],
    )
    found = places(order)
    assert found.index((1, 1)) < found.index((0, 1))


def test_a_repetition_comes_after_the_first() -> None:
    """Where no answer was recorded, or only that the id was used, the first answer comes before."""
    first = did(1, 1, (A, 1))
    again = Next(0, item(0, 0, "1-1"), None)
    reused = Recorded(1, Kind.REUSED, (), "", b"")
    other = Next(0, item(0, 1, "1-1", amount="2.00"), reused)
    assert places(order_of([again, other], [did(1, 0, (B, 1)), first])) == [
        (1, 0), (1, 1), (0, 0), (0, 1),
    ]  # fmt: skip
    with pytest.raises(StuckFailure, match="0:0 waits for the first answer to its id"):
        places(order_of([again]))


def test_what_was_never_said_comes_where_others_need_it() -> None:
    """Of what follows the last recorded command, just so much as leads to what is recorded."""
    spare = [item(0, 1), item(0, 2)]
    order = order_of([did(0, 0, (A, 1))], [did(1, 0, (A, 3))], spare=spare)
    order.take(1)
    (taken,) = order.take(10)
    assert (taken.fresh, taken.item.record.offset) == (True, 1)
    order.learn({A: 2})
    assert places(order) == [(1, 0)]


def test_what_was_never_said_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes first of it, and then the rest."""
    other = json.dumps({"specversion": "1.0", "id": "x", "source": "/t", "type": "none"}).encode()
    record = FetchedRecord("commands", 0, 1, 0, 1, None, other, ())
    spare = [Item(record, decode(None, other)), item(0, 2)]
    order = order_of([did(0, 0, (A, 1))], [did(1, 0, (A, 3))], spare=spare)
    monkeypatch.setattr(orders, "BATCH_BYTES", bytes_of((record,)))
    assert [each.item.record.offset for each in order.take(1)] == [0]
    for offset in (1, 2):
        assert [each.item.record.offset for each in order.take(10)] == [offset]
    order.learn({A: 2})
    assert places(order) == [(1, 0)]


def test_what_was_never_said_is_not_looked_through_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the other waits for stands behind more bytes than are kept: it is not found."""
    spare = [item(0, offset) for offset in (1, 2, 3)]
    read: list[int] = []

    def noted() -> Iterable[Item]:
        for each in spare:
            read.append(each.record.offset)
            yield each

    monkeypatch.setattr(orders, "QUEUE_BYTES", bytes_of((spare[0].record, spare[1].record)))
    order = order_of([did(0, 0, (A, 1))], [did(1, 0, (B, 3))], spare=noted())
    order.take(1)
    with pytest.raises(StuckFailure, match="1:0 waits for wallet"):
        order.take(10)
    assert read == [1, 2]


def test_two_orders_that_contradict_each_other_are_told() -> None:
    """A cycle: each partition waits for the other."""
    order = order_of([did(0, 0, (A, 2), (B, 1))], [did(1, 0, (A, 1), (B, 2))])
    with pytest.raises(StuckFailure, match=r"no next command: 0:0 waits .*; 1:0 waits"):
        places(order)
