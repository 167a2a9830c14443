"""The auditor's rule of exchanges, on its own."""

import msgspec
import pytest

from consumers.audit.books import Books, Wallet
from schemas.accounts import WORLD_EXCHANGE
from schemas.events import EVENT_TYPES, Event
from tests.oracle_world import A, B, C, World

NOBODY = A[:-1] + "0"
HIGH = "01930f6e-3c00-7000-8000-00000000000a"
"""After every account of the world, as A, B and C are before them."""


@pytest.fixture
def world() -> World:
    """An oracle that knows A and B with 100.00 IRR each, and C with 100 JPY."""
    found = World()
    found.open(A, B)
    found.open(C, amount="100", currency="JPY")
    return found


def _exchanged(world: World, own: str, other: str, amount: str, to_amount: str) -> list[Event]:
    """The events of an exchange."""
    data = {"to_wallet_id": other, "amount": amount, "to_amount": to_amount, "reference": "r"}
    answer = world.say("exchange", own, **data)
    assert answer is not None
    assert answer.events, answer.result
    return list(answer.events)


def _entries(event: Event) -> list[tuple[str, str, str]]:
    return [(each.account, each.amount, each.currency) for each in event.entries]


def test_both_wallets_tell_all_four_entries(world: World) -> None:
    """Each in its own currency, with its own balance; the result is the giver's."""
    giver, getter = _exchanged(world, A, C, "50", "8120")
    assert giver.entries == getter.entries
    assert _entries(giver) == [
        (A, "-50.00", "IRR"),
        (WORLD_EXCHANGE, "50.00", "IRR"),
        (WORLD_EXCHANGE, "-8120", "JPY"),
        (C, "8120", "JPY"),
    ]
    told = [(e.wallet_id, e.currency, e.balance.before, e.balance.after) for e in (giver, getter)]
    assert told == [(A, "IRR", "100.00", "50.00"), (C, "JPY", "100", "8220")]
    assert giver.transaction == getter.transaction
    assert (giver.transaction.kind, giver.transaction.reference) == ("exchange", "r")
    assert EVENT_TYPES[giver.transaction.kind] == "wallet.exchanged.v1"


def test_the_result_names_both_wallets(world: World) -> None:
    """Balance and currency are those of the wallet that gave."""
    result = world.done("exchange", C, to_wallet_id=A, amount="7", to_amount="0.01")
    body = msgspec.to_builtins(result)
    assert (body["wallet_id"], body["balance"], body["currency"]) == (C, "93", "JPY")
    assert body["sequences"] == {C: 3, A: 3}
    assert world.oracle.books.wallets[A].balance_minor == 10_001


@pytest.mark.parametrize(("own", "other"), [(C, A), (C, HIGH), (HIGH, C)])
def test_the_givers_currency_is_told_first(world: World, own: str, other: str) -> None:
    """Whatever the amounts, here of as many minor units, and wherever the ids stand."""
    world.open(HIGH)
    amounts = ("1", "0.01") if own == C else ("0.01", "1")
    told = _exchanged(world, own, other, *amounts)
    accounts = [account for account, _, _ in _entries(told[0])]
    assert accounts == [own, WORLD_EXCHANGE, WORLD_EXCHANGE, other]


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        ({"to_wallet_id": A, "amount": "x"}, "same_wallet", "to_wallet_id"),
        ({"to_wallet_id": NOBODY, "amount": "x"}, "wallet_not_found", "to_wallet_id"),
        (
            {"to_wallet_id": B, "currency": "USD", "to_currency": "USD"},
            *("currency_mismatch", "currency"),
        ),
        ({"to_wallet_id": B, "to_currency": "USD"}, "currency_mismatch", "to_currency"),
        ({"to_wallet_id": B, "amount": "x"}, "same_currency", "to_wallet_id"),
        ({"amount": "x", "to_amount": "0"}, "invalid_field", "amount"),
        ({"amount": "0.001", "to_amount": "0"}, "amount_precision", "amount"),
        ({"to_amount": "0"}, "amount_not_positive", "to_amount"),
        ({"to_amount": "0.5"}, "amount_precision", "to_amount"),
        ({"to_amount": "9" * 39}, "amount_too_large", "to_amount"),
        ({"amount": "101", "to_amount": "9" * 38}, "wallet_not_active", "to_wallet_id"),
    ],
)
def test_refusals(world: World, data: dict[str, object], code: str, param: str) -> None:
    """Each comes before those that stand below it: here the receiver sleeps."""
    world.done("wallet.set_status", C, status="suspended")
    said = {"to_wallet_id": C, "amount": "1", "to_amount": "1"} | data
    refused = world.refused("exchange", A, **said)
    assert (refused.error.code, refused.error.param) == (code, param)
    assert set(refused.sequences) == {A, said["to_wallet_id"]}


def test_the_giver_is_judged_first(world: World) -> None:
    """Where both are unknown, or both sleep."""
    data: dict[str, object] = {"to_wallet_id": C, "amount": "1", "to_amount": "1"}
    unknown = world.refused("exchange", NOBODY, **data).error
    assert (unknown.code, unknown.param) == ("wallet_not_found", "wallet_id")
    for wallet in (A, C):
        world.done("wallet.set_status", wallet, status="suspended")
    error = world.refused("exchange", A, **data).error
    assert (error.code, error.param) == ("wallet_not_active", "wallet_id")
    assert error.context == {"wallet_id": A, "status": "suspended"}


def test_refusals_tell_the_currencies(world: World) -> None:
    """What each wallet holds and what was said of it."""
    data: dict[str, object] = {"to_wallet_id": C, "amount": "1", "to_amount": "1"}
    wrong = world.refused("exchange", A, **data, to_currency="IRR").error
    assert wrong.context == {"wallet_id": C, "held": "JPY", "given": "IRR"}
    same = world.refused("exchange", A, **data | {"to_wallet_id": B}).error
    assert same.context == {"currency": "IRR"}
    assert world.done("exchange", A, **data, currency="IRR", to_currency="JPY").sequence == 3


def test_money_must_be_there_and_find_room(world: World) -> None:
    """The giver's shortage is told before the receiver's digits."""
    world.oracle.books.wallets[C].balance_minor = 10**38 - 5
    data: dict[str, object] = {"to_wallet_id": C, "to_amount": "5"}
    short = world.refused("exchange", A, **data, amount="100.01").error
    assert (short.code, short.param) == ("insufficient_funds", "amount")
    assert short.context == {"available": "100.00", "required": "100.01", "shortage": "0.01"}
    full = world.refused("exchange", A, **data, amount="1").error
    assert (full.code, full.param, full.context) == ("amount_too_large", "to_amount", {})
    world.done("exchange", A, **data | {"to_amount": "4"}, amount="1")
    assert world.oracle.books.wallets[C].balance_minor == 10**38 - 1


def test_an_exchange_cannot_be_refunded(world: World) -> None:
    """Neither by the wallet that gave nor by the one that got."""
    paid = _exchanged(world, A, C, "1", "1")[0].transaction.id
    for wallet in (A, C):
        error = world.refused("refund", wallet, transaction_id=paid).error
        assert (error.code, error.param) == ("transaction_not_found", "transaction_id")


def test_books_balance_in_each_currency() -> None:
    """What sums to zero over two currencies only is a bug of the rules."""
    books = Books()
    books.wallets = {A: Wallet(A, "IRR", 5), C: Wallet(C, "JPY", 5)}
    with pytest.raises(AssertionError, match="one currency"):
        books.post((A, -1), (C, 1))
    with pytest.raises(AssertionError, match="sums to zero"):
        books.post_each(((A, -1), (WORLD_EXCHANGE, 2)), ((WORLD_EXCHANGE, -2), (C, 1)))
    assert {wallet.balance_minor for wallet in books.wallets.values()} == {5}
