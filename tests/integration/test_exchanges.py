"""Exchanges in the ledger: both wallets, both currencies, what is told, every refusal."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, at_work
from tests.workers import rows

pytestmark = pytest.mark.integration

LARGEST = "9" * 36


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with one worker; in the end it must be clean."""
    with at_work(new_ledger(), tmp_path_factory.mktemp("worker"), seed=31) as made:
        yield made


def opened(ledger: Ledger, partition: int, currency: str, amount: str | None = None) -> str:
    """A wallet, perhaps with money."""
    wallet = ledger.wallet_on(partition)
    said = [ledger.command("wallet.create", wallet, currency=currency)]
    if amount is not None:
        said.append(ledger.command("deposit", wallet, amount=amount))
    ledger.ask(*said)
    return wallet


def exchange(ledger: Ledger, giver: str, getter: str, *amounts: str, **more: str) -> dict[str, Any]:
    """The result of an exchange of two amounts."""
    data = {"to_wallet_id": getter, "amount": amounts[0], "to_amount": amounts[1], **more}
    (result,) = ledger.ask(ledger.command("exchange", giver, **data))
    return result


@pytest.mark.parametrize("partition", [0, 1])
def test_each_wallet_has_its_currency(ledger: Ledger, partition: int) -> None:
    """On one partition or on two: what leaves is told in euros, what comes in yen."""
    euros, yen = opened(ledger, 0, "EUR", "100.00"), opened(ledger, partition, "JPY", "300")
    result = exchange(ledger, euros, yen, "50.00", "8120", currency="EUR", to_currency="JPY")
    assert (result["status"], result["currency"], result["balance"]) == (
        "completed",
        "EUR",
        "50.00",
    )
    assert result["sequences"] == {euros: 3, yen: 3}
    told = ledger.events_of(result["transaction_id"])
    entries = [
        {"account": euros, "amount": "-50.00", "currency": "EUR"},
        {"account": "world:exchange", "amount": "50.00", "currency": "EUR"},
        {"account": "world:exchange", "amount": "-8120", "currency": "JPY"},
        {"account": yen, "amount": "8120", "currency": "JPY"},
    ]
    assert [told[wallet]["entries"] for wallet in (euros, yen)] == [entries] * 2
    assert told[euros]["balance"] == {"before": "100.00", "after": "50.00"}
    assert told[yen]["balance"] == {"before": "300", "after": "8420"}
    assert [told[wallet]["currency"] for wallet in (euros, yen)] == ["EUR", "JPY"]
    sums = "SELECT currency, sum(amount_minor) FROM entries WHERE transaction_id = %s GROUP BY 1"
    with rows(ledger.settings, sums, result["transaction_id"]) as found:
        assert sorted(found) == [("EUR", 0), ("JPY", 0)]


def test_it_cannot_be_refunded(ledger: Ledger) -> None:
    """Nobody knows at what rate: another exchange gives the money back."""
    euros, yen = opened(ledger, 2, "EUR", "10.00"), opened(ledger, 3, "JPY")
    done = exchange(ledger, euros, yen, "10.00", "1600")
    back = ledger.command("refund", euros, transaction_id=done["transaction_id"])
    (refused,) = ledger.ask(back)
    assert refused["error"]["code"] == "transaction_not_found"
    assert exchange(ledger, yen, euros, "1600", "10.00")["balance"] == "0"


def test_what_is_refused(ledger: Ledger) -> None:
    """By precedence, each with the field at fault."""
    euros, yen = opened(ledger, 0, "EUR", "10.00"), opened(ledger, 1, "JPY", LARGEST + "99")
    others, shut = opened(ledger, 2, "EUR"), opened(ledger, 3, "USD")
    ledger.ask(ledger.command("wallet.set_status", shut, status="suspended"))
    asked: list[tuple[str, str, str, dict[str, str]]] = [
        (euros, "1", "1", {}),
        (ledger.new_id(), "1", "1", {}),
        (yen, "1", "1", {"currency": "USD"}),
        (yen, "1", "1", {"to_currency": "USD"}),
        (others, "x", "x", {}),
        (yen, "1.001", "0", {}),
        (yen, "1", "1.5", {}),
        (yen, "1", "0", {}),
        (shut, "11.00", "1", {}),
        (yen, "10.01", "1", {}),
        (yen, "1", "1", {}),
    ]
    found = [exchange(ledger, euros, other, *both, **more) for other, *both, more in asked]
    assert [(each["error"]["code"], each["error"]["param"]) for each in found] == [
        ("same_wallet", "to_wallet_id"),
        ("wallet_not_found", "to_wallet_id"),
        ("currency_mismatch", "currency"),
        ("currency_mismatch", "to_currency"),
        ("same_currency", "to_wallet_id"),
        ("amount_precision", "amount"),
        ("amount_precision", "to_amount"),
        ("amount_not_positive", "to_amount"),
        ("wallet_not_active", "to_wallet_id"),
        ("insufficient_funds", "amount"),
        ("amount_too_large", "to_amount"),
    ]
    assert found[4]["error"]["context"] == {"currency": "EUR"}
    nobody = exchange(ledger, ledger.new_id(), yen, "1", "1")
    assert nobody["error"]["param"] == "wallet_id"
    assert exchange(ledger, shut, euros, "1", "1")["error"]["param"] == "wallet_id"
