"""What is told of an exchange afterwards: its history, a statement, the past, its path."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from consumers.explaining.explaining import Explaining
from consumers.looking import Looking
from consumers.past import Past
from consumers.records import Records
from consumers.statements import statement
from consumers.views import WalletView
from schemas import events
from schemas.accounts import WORLD_EXCHANGE
from schemas.settings import Settings
from tests.ledgers import Ledger, at_work

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with one worker; in the end it must be clean."""
    with at_work(new_ledger(), tmp_path_factory.mktemp("worker"), seed=37) as made:
        yield made


@pytest.fixture(scope="module")
def looking(ledger: Ledger) -> Iterator[Looking]:
    """A reader of its database."""
    with Looking(ledger.settings.database_url) as found:
        yield found


@pytest.fixture(scope="module")
def command_id(ledger: Ledger) -> str:
    """An exchange of 60.00 IRR for 5 JPY, after which all events are in the log."""
    own, other, command_id = ledger.wallet_on(0), ledger.wallet_on(1), ledger.new_id()
    for wallet, currency in ((own, "IRR"), (other, "JPY")):
        ledger.ask(
            ledger.command("wallet.create", wallet, currency=currency),
            ledger.command("deposit", wallet, amount="100"),
        )
    terms = {"to_wallet_id": other, "amount": "60", "to_amount": "5"}
    ledger.ask(ledger.command("exchange", own, command_id, **terms))
    ledger.verify()
    return command_id


@pytest.fixture(scope="module")
def both(looking: Looking, command_id: str) -> tuple[WalletView, WalletView]:
    """The wallet that gave and the one that got."""
    result = looking.result("/test", command_id)
    assert result is not None
    own, other = map(looking.wallet, result.sequences)
    assert own is not None
    assert other is not None
    return own, other


Both = tuple[WalletView, WalletView]
TOLD = [("-60.00", "40.00", "IRR"), ("5", "105", "JPY")]
"""Amount, balance and currency of each wallet."""


def test_the_history_of_each_wallet(looking: Looking, both: Both) -> None:
    """In its own currency; the world's account is named once, though it has two entries."""
    for wallet, other, told in zip(both, both[::-1], TOLD, strict=True):
        (line,) = looking.history(wallet.wallet_id, 1)
        assert (line.amount, line.balance, line.currency) == told
        assert line.kind == "exchange"
        assert sorted(line.counterparties) == sorted([other.wallet_id, WORLD_EXCHANGE])
        tally = looking.tally(wallet.wallet_id)
        assert tally is not None
        assert tally.agrees


def test_the_statement_of_each_wallet(looking: Looking, both: Both) -> None:
    """It adds up in its own currency, and names the other wallet."""
    for wallet, other, told in zip(both, both[::-1], TOLD, strict=True):
        found = statement(looking, wallet, None, None)
        line = found.lines[-1]
        assert (line.amount, line.balance, found.currency) == told
        assert (line.kind, line.counterparty) == ("exchange", other.wallet_id)


def test_the_past_of_each_wallet(looking: Looking, both: Both) -> None:
    """At a moment and at a sequence."""
    past = Past(looking)
    for wallet, (_, balance, currency) in zip(both, TOLD, strict=True):
        found = past.at_sequence(wallet, 3)
        assert (found.balance, found.currency) == (balance, currency)
        assert past.at_time(wallet, datetime.now(UTC)) == found
        assert past.at_sequence(wallet, 2).balance == ("100" if currency == "JPY" else "100.00")


def test_the_path_of_an_exchange(
    ledger: Ledger, looking: Looking, command_id: str, both: Both
) -> None:
    """Its record, its answer, and the event of each wallet, found in the log."""
    with Records(ledger.settings, 20) as records:
        explaining = Explaining(ledger.settings, looking, records)
        (result,) = explaining.answers(command_id, "/test", "/test")
        found = explaining.result(result)
    assert [step.what for step in found.steps] == ["recorded", "completed", "event", "event"]
    assert ("balance", "40.00 IRR") in found.steps[1].facts
    for step, wallet in zip(found.steps[2:], both, strict=True):
        assert step.at is not None
        assert dict(step.facts) == {
            "type": events.EVENT_TYPES["exchange"],
            "wallet": f"{wallet.wallet_id} #3",
        }
