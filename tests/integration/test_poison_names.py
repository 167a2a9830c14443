"""Header names that are no text: aiokafka and confluent-kafka cannot bear them, Kafka can."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, Said
from tests.rawbatches import RawName, batch_of, produce
from tests.workers import Workers

pytestmark = pytest.mark.integration


def test_header_names_that_are_no_text(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """They stop nobody: a good command is done, a bad one is buried, under names one can read."""
    settings = new_ledger()
    ledger = Ledger(settings, seed=6)
    wallet, name = ledger.wallet_on(0), RawName.of(b"\xff\xfename")
    with Workers(settings, tmp_path) as workers:
        (worker,) = workers.start_and_hold()
        ledger.ask(ledger.command("wallet.create", wallet))
        for compression in (0, 1):
            row = [ledger.command("deposit", wallet, amount="1.00") for _ in range(5)]
            row[1] = row[1]._replace(headers=[(name, b"1")])
            row[3] = Said(b"k", b"{", [("fine", b"\xff"), (name, b"2")])
            first = produce(settings, 0, batch_of(row, compression))
            ledger.await_results([(0, first + n) for n in (0, 1, 2, 4)])
            headers = list(ledger.dead()[0, first + 3].headers() or [])
            assert headers[:2] == [("fine", b"\xff"), ("\\xff\\xfename", b"2")]
        ledger.verify()
        assert worker.deaths == []
