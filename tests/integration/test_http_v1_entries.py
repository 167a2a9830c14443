"""The entries that the v1 API tells of a transaction are those of the journal, of every kind."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from consumers.looking import Looking
from producers.http.v1.reading_entries import Moved, entries_of
from schemas import results
from schemas.accounts import WORLD_NAMES
from schemas.commands import kind_of
from schemas.money import show
from schemas.settings import Settings
from schemas.tables import commands, entries
from tests import replays
from tests.hands import Hands, hands_of
from tests.ledgers import Ledger, Said
from tests.workers import execute

pytestmark = pytest.mark.integration

SEED = 20261123
KINDS = frozenset(
    {
        "wallet.create", "wallet.set_status", "deposit", "transfer", "exchange", "charge_sale",
        "refund", "credit_request.create", "credit_request.approve", "credit_request.reject",
        "withdrawal.schedule", "withdrawal.cancel", "withdrawal.execute", "withdrawal.settle",
        "withdrawal.fail", "withdrawal.review",
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def connection(new_ledger: Callable[..., Settings]) -> Iterator[Connection]:
    """A ledger with transactions of every kind, its commands all done."""
    ledger = Ledger(new_ledger(), SEED)
    hands = hands_of(ledger.settings)
    wallets = replays.wallets_of(ledger, 8)
    ledger.send(*replays.mixture(ledger, wallets, 300), *_others(ledger, wallets))
    hands.work(most=70)
    done = ledger.results()
    ledger.send(*replays.refunds(ledger, done), *_refunds_of_sales(ledger, done))
    ledger.send(*_credit(ledger, done))
    execute(ledger.settings, "INSERT INTO clock (ahead_ms) VALUES (7200000)")  # all is due
    _withdraw(ledger, hands)
    with Looking(ledger.settings.database_url) as looking, looking.connected() as lent:
        yield lent


def _others(ledger: Ledger, wallets: list[str]) -> Iterator[Said]:
    """What a storm has not: exchanges, payments by the bank, changes of a status."""
    yen = ledger.wallet_on(1)
    yield ledger.command("wallet.create", yen, currency="JPY")
    for wallet in wallets:
        yield ledger.command("deposit", wallet, amount="100.00")
        terms = {"to_wallet_id": yen, "amount": "3.00", "to_amount": "7"}
        yield ledger.command("exchange", wallet, **terms)
        yield ledger.command("withdrawal.schedule", wallet, amount="2.00", delay="PT1H")
        yield ledger.command("credit_request.create", wallet, amount="5.00")
    yield ledger.command("wallet.set_status", yen, status="suspended")


def _refunds_of_sales(ledger: Ledger, done: list[dict[str, Any]]) -> Iterator[Said]:
    for each in done:
        if each["status"] == "completed" and each["command"]["type"] == "charge_sale.v1":
            terms = {"transaction_id": each["transaction_id"]}
            yield ledger.command("refund", each["wallet_id"], **terms)


def _credit(ledger: Ledger, done: list[dict[str, Any]]) -> Iterator[Said]:
    asked = [each for each in done if "credit_request" in each]
    for turn, each in enumerate(asked):
        kind = ("credit_request.approve", "credit_request.reject")[turn % 2]
        terms = {"credit_request_id": each["credit_request"]["id"]}
        yield ledger.command(kind, each["wallet_id"], **terms)


def _withdraw(ledger: Ledger, hands: Hands) -> None:
    for status, kinds in (
        ("scheduled", ("execute", "execute", "execute", "cancel")),
        ("executing", ("settle", "fail", "review", "settle")),
        ("needs_review", ("settle",)),
    ):
        ledger.send(*replays.steps(ledger, ledger.results(), status, *kinds))
        hands.work()


def _journal(connection: Connection) -> dict[str, list[tuple[str, str, str]]]:
    """Transaction id -> what its entries say, in any order."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in connection.execute(select(entries).where(entries.c.amount_minor != 0)):
        account = WORLD_NAMES.get(row.account_id, row.account_id)
        said = account, show(int(row.amount_minor), row.currency), row.currency
        found.setdefault(row.transaction_id, []).append(said)
    return found


def test_entries_are_those_of_the_journal(connection: Connection) -> None:
    """All of them at once, and each alone; the own currency first, and what is paid first."""
    query = select(commands.c.result).where(commands.c.transaction_id.is_not(None))
    done = [results.decode(text) for text in connection.execute(query).scalars()]
    assert {kind_of(each.command.type or "") for each in done} == KINDS
    journal = _journal(connection)
    together = entries_of(connection, done)
    assert {"world:bank", "world:exchange"} <= {
        each[0] for told in together.values() for each in told
    }
    for result in done:
        name = result.transaction_id
        assert name is not None
        told: Moved = together[name]
        assert sorted(told) == sorted(journal.get(name, []))
        assert entries_of(connection, [result]) == {name: told}
        order = [(currency != result.currency, float(amount)) for _, amount, currency in told]
        assert order == sorted(order)


def test_no_transactions_have_no_entries(connection: Connection) -> None:
    """An empty page asks for nothing that could be wrong."""
    assert entries_of(connection, []) == {}
