"""Two workers in a storm of transfers across partitions, and a rebalance in the middle of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Message

from schemas.settings import Settings
from tests.ledgers import Ledger, opening, src_of, storm, tell
from tests.loads import pause
from tests.workers import Workers

pytestmark = pytest.mark.integration

SEED = 20261123
COMMANDS = 5000
WALLETS = 20


def test_a_storm_with_a_rebalance(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """A third worker joins and one leaves while 5,000 commands among 20 wallets are done."""
    ledger = Ledger(new_ledger(batch_max=200), SEED)
    tell(f"seed {SEED}")
    wallets = [ledger.wallet_on(n % 4) for n in range(WALLETS)]
    with Workers(ledger.settings, tmp_path) as workers:
        one, two = workers.start_and_hold("1", "2")
        ledger.send(*opening(ledger, wallets))
        ledger.send(*storm(ledger, wallets, COMMANDS // 3))
        third = workers.start("3")
        for _ in range(20):
            ledger.send(*storm(ledger, wallets, COMMANDS // 60))
            pause(0.1)
        workers.stop("1")
        ledger.send(*storm(ledger, wallets, COMMANDS // 3))
        findings = ledger.verify(60)
        assert one.deaths == [0]
        assert (two.deaths, third.deaths) == ([], [])
    assert findings.counts["results"] + findings.counts["repeated"] == ledger.sent


def test_how_soon_a_credit_is_told(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """The event of a credit on another worker's partition: 50 ms after the result, when quiet.

    When the machine is busy, not later than twice what a command itself took in the same run: both
    wait for a batch. Where bells are not heard, it is half a second.
    """
    ledger = Ledger(new_ledger(), SEED + 1)
    wallets = [ledger.wallet_on(n) for n in range(4)]
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold("1", "2")
        ledger.ask(*opening(ledger, wallets))
        places = []
        for turn in range(60):
            payer, payee = wallets[turn % 4], wallets[(turn + 1 + turn // 4 % 3) % 4]
            said = ledger.command("transfer", payer, to_wallet_id=payee, amount="1.00")
            places += ledger.send(said)
            pause(0.03)
        ledger.verify()
    topics = ledger.settings.topics
    results = {src_of(result): result for result in ledger.read(topics.results.name)}
    asked = {(c.partition(), c.offset()): _moment(c) for c in ledger.read(topics.commands.name)}
    credits_ = [e for e in ledger.events() if src_of(e) in places and _is_elsewhere(e)]
    assert len(credits_) == len(places)
    waits = sorted(_moment(event) - _moment(results[src_of(event)]) for event in credits_)
    usual = sorted(_moment(results[place]) - asked[place] for place in places)[len(places) // 2]
    middle, most = waits[len(waits) // 2], waits[-1]
    tell(
        f"a credit is told after {middle} ms (median), {waits[int(len(waits) * 0.9)]} ms (p90),"
        f" {most} ms (most); a result after {usual} ms (median)"
    )
    assert middle <= max(50, 2 * usual)
    assert most < 1500, "later than the tick that looks for missed bells"


def _is_elsewhere(event: Message) -> bool:
    """Whether an event stands on another partition than its command."""
    return src_of(event)[0] != event.partition()


def _moment(record: Message) -> int:
    """When its writer made a record, in milliseconds."""
    return int(record.timestamp()[1])
