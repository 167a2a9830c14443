"""Events of other partitions that have piled up are told by themselves, before a command."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from schemas.settings import Settings
from streams.claim import claim
from streams.lanes import Lane
from streams.rows import Place
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
