"""What has piled up: events of other partitions go before commands, and a backlog takes no turn."""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from schemas.settings import Settings
from streams.claim import claim
from streams.lanes import Lane
from streams.outside import OUTSIDE
from streams.rows import Place
from streams.turns import CROWD, Turns
from tests.ledgers import Ledger, Said
from tests.meters import Desk
from tests.paper import PaperRecord
from tests.workers import wait_until

pytestmark = pytest.mark.integration

MOST = 5
TRANSFERS = 18


def test_a_backlog_is_told_in_parts(new_ledger: Callable[..., Settings]) -> None:
    """A command that touches their wallet would take them all: millions, after a long outage."""
    settings = new_ledger(arrivals_max=MOST)
    ledger = Ledger(settings)
    payer, payee = ledger.wallet_on(0), ledger.wallet_on(1)
    sender = Desk(settings, 0)
    opening = [ledger.command("wallet.create", each, currency="IRR") for each in (payer, payee)]
    money = ledger.command("deposit", payer, amount="100.00")
    more = {"to_wallet_id": payee, "amount": "1.00"}
    moves = [ledger.command("transfer", payer, **more) for _ in range(TRANSFERS)]
    sender.batch(map(paper, [*opening, money, *moves]))
    sender.close()

    place = Place(settings.topics.commands.name, 1, settings.partitions)
    held = claim(settings, place, "desk", lambda: True)
    lane = Lane(settings, held, lambda _: None)
    record = paper(ledger.command("deposit", payee, amount="7.00"))
    record.offset, record.timestamp = held.next_offset, time.time_ns() // 1_000_000
    assert lane.offer([record]) is None
    lane.start()
    wait_until(lambda: lane.next_offset > record.offset and lane.idle, 30, "the command")
    lane.end()
    lane.join(20)

    told = [each.offset() or 0 for each in ledger.events() if each.partition() == 1]
    markers = [n for n, (one, next_) in enumerate(pairwise(told), 1) if next_ > one + 1]
    parts = [end - start for start, end in pairwise([0, *markers, len(told)])]
    assert sum(parts) == 1 + TRANSFERS + 1
    assert max(parts) == MOST
    assert parts[-1] == 1, "the command's own"


def paper(said: Said) -> PaperRecord:
    """As its lane gets it."""
    return PaperRecord(0, 0, said.key, said.value)


def test_turns_are_for_those_with_little_to_do(
    new_ledger: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command waits for the turn that another lane has; a backlog does not."""
    monkeypatch.setattr("streams.turns.PATIENCE_MAX_SECONDS", 60.0)
    settings = new_ledger(partitions=1)
    ledger, turns = Ledger(settings), Turns()
    wallet = ledger.wallet_on(0)
    held = claim(settings, Place(settings.topics.commands.name, 0, 1), "desk", lambda: True)
    lane = Lane(settings, held, lambda _: None, turns=turns)
    lane.took = 60.0
    with turns.turn(0):
        lane.start()  # it looks for events that wait, which is a batch, too
        wait_until(lambda: not lane.idle, 30, "it wants a turn")
        opening = numbered(held.next_offset, [ledger.command("wallet.create", wallet)])
        assert lane.offer(opening) is None
        assert (lane.next_offset, lane.queued) == (held.next_offset, 1)
    wait_until(lambda: lane.next_offset == held.next_offset + 1 and lane.idle, 30, "the command")
    with turns.turn(0):
        more = [ledger.command("deposit", wallet, amount="1.00") for _ in range(CROWD)]
        assert lane.offer(numbered(lane.next_offset, more)) is None
        wait_until(lambda: lane.next_offset == held.next_offset + 1 + CROWD, 30, "the backlog")
    lane.end()
    lane.join(20)


def test_a_parked_lane_that_waits_for_its_turn_takes_nothing(
    new_ledger: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had waiting is forgotten, so a run that comes behind it would begin with a gap."""
    monkeypatch.setattr("streams.turns.PATIENCE_MAX_SECONDS", 60.0)
    settings = new_ledger(partitions=1)
    ledger, turns, crashes = Ledger(settings), Turns(), []
    wallet = ledger.wallet_on(0)
    held = claim(settings, Place(settings.topics.commands.name, 0, 1), "desk", lambda: True)
    outside = OUTSIDE._replace(crash=lambda why, error: crashes.append((why, error)))
    lane = Lane(settings, held, lambda _: None, outside, turns)
    lane.took = 60.0
    said = [ledger.command("wallet.create", wallet)]
    said += [ledger.command("deposit", wallet, amount="1.00") for _ in range(3)]
    records = numbered(held.next_offset, said)
    with turns.turn(0):
        lane.start()
        wait_until(lambda: not lane.idle, 30, "it wants a turn")
        assert lane.offer(records[:2]) is None
        lane.park()
        assert lane.offer(records[2:]) is None, "fetched before, and handed over now"
        assert lane.queued == 0
    wait_until(lambda: lane.idle, 30, "nothing was done")
    assert (crashes, lane.next_offset) == ([], held.next_offset)
    lane.resume()
    assert lane.offer(records) is None
    wait_until(lambda: lane.next_offset == held.next_offset + 4, 30, "all of it")
    lane.end()
    lane.join(20)
    assert crashes == []


def numbered(first: int, said: Sequence[Said]) -> list[PaperRecord]:
    """Records as a lane gets them, one after the other."""
    made = [paper(each) for each in said]
    for offset, record in enumerate(made, first):
        record.offset, record.timestamp = offset, time.time_ns() // 1_000_000
    return made
