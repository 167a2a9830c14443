"""The auditor's rules of credit requests and of sales to a wallet, on their own."""

import msgspec
import pytest

from consumers.audit.books import Place
from consumers.audit.oracle import Oracle
from schemas.results import CreditRequestBody
from tests.oracle_world import A, B, C, World

PHONE = "+989120000000"
NOBODY = A[:-1] + "0"


@pytest.fixture
def world() -> World:
    """An oracle that knows A and B with 100.00 IRR each, and C with dollars."""
    found = World()
    found.open(A, B)
    found.open(C, currency="USD")
    return found


def _asked(world: World, amount: str = "40", wallet: str = A) -> str:
    """The id of a credit request that is pending."""
    request = world.done("credit_request.create", wallet, amount=amount).credit_request
    assert request is not None
    return request.id


def _after(world: World, step: str, found: str, **data: object) -> CreditRequestBody:
    """A credit request of A after its end."""
    result = world.done(f"credit_request.{step}", A, credit_request_id=found, **data)
    assert result.credit_request is not None
    return result.credit_request


def _refusal(world: World, step: str, found: str, wallet: str = A) -> tuple[str, str | None]:
    refused = world.refused(f"credit_request.{step}", wallet, credit_request_id=found)
    assert set(refused.sequences) == {wallet}
    return refused.error.code, refused.error.param


def _minor(world: World, wallet: str = A) -> int:
    return world.oracle.books.wallets[wallet].balance_minor


def test_a_request_moves_no_money_and_has_its_transactions_id(world: World) -> None:
    """One event without entries, which tells the request as the result does."""
    offset = world.offset
    answer = world.say("credit_request.create", A, amount="40", currency="IRR")
    assert answer is not None
    body = msgspec.to_builtins(answer.result)
    assert body["credit_request"] == {
        "id": body["transaction_id"],
        "number": offset + 1,
        "status": "pending",
        "amount": "40.00",
        "currency": "IRR",
    }
    assert (body["balance"], body["sequence"], body["sequences"]) == ("100.00", 3, {A: 3})
    (event,) = answer.events
    assert (event.entries, msgspec.to_builtins(event.credit_request)) == (
        [],
        body["credit_request"],
    )


def test_the_number_is_the_commands_place() -> None:
    """Unique among all partitions, from 1, and the same after a rebuild."""
    world = World()
    world.open(A)
    oracle = Oracle("commands", partitions=4)
    oracle.books.wallets = world.oracle.books.wallets
    world.oracle = oracle
    oracle.books.begin(Place(3, 7, 0))
    assert _asked(world)
    (found,) = oracle.books.credit_requests.values()
    assert found.number == (world.offset - 1) * 4 + 0 + 1


def test_an_approval_gives_the_money(world: World) -> None:
    """From the world's account of credit, with who said so; once."""
    found = _asked(world)
    world.now_ms += 5
    answer = world.say(
        "credit_request.approve", A, credit_request_id=found, by="admin", reason="known"
    )
    assert answer is not None
    (event,) = answer.events
    assert [(e.account, e.amount) for e in event.entries] == [("world:credit", "-40.00"),
                                                              (A, "40.00")]  # fmt: skip
    assert event.credit_request is not None
    told = event.credit_request
    assert (told.status, told.by, told.reason) == ("approved", "admin", "known")
    assert _minor(world) == 14_000
    kept = world.oracle.books.credit_requests[found]
    assert kept.changed_at_ms - kept.requested_at_ms == 5
    for step in ("approve", "reject"):
        error = world.refused(f"credit_request.{step}", A, credit_request_id=found).error
        assert (error.code, error.param) == ("credit_request_not_pending", "credit_request_id")
        assert error.context == {"credit_request_id": found, "status": "approved"}
    assert _minor(world) == 14_000


def test_a_rejection_gives_nothing(world: World) -> None:
    """Also where the wallet sleeps; an approval afterwards comes too late."""
    found = _asked(world)
    world.done("wallet.set_status", A, status="suspended")
    assert _after(world, "reject", found, reason="no").reason == "no"
    world.done("wallet.set_status", A, status="active")
    assert _refusal(world, "approve", found) == ("credit_request_not_pending", "credit_request_id")
    assert _minor(world) == 10_000


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        ({"amount": "0", "currency": "USD"}, "currency_mismatch", "currency"),
        ({"amount": "0"}, "amount_not_positive", "amount"),
        ({"amount": "0.001"}, "amount_precision", "amount"),
        ({"amount": "9" * 37}, "amount_too_large", "amount"),
    ],
)
def test_what_cannot_be_asked_for(
    world: World, data: dict[str, object], code: str, param: str
) -> None:
    """The amount is judged before the wallet's status."""
    world.done("wallet.set_status", A, status="suspended")
    error = world.refused("credit_request.create", A, **data).error
    assert (error.code, error.param) == (code, param)


def test_a_wallet_sees_its_own_requests_only(world: World) -> None:
    """Another's is not found, as one that never was."""
    found = _asked(world)
    for step in ("approve", "reject"):
        missing = ("credit_request_not_found", "credit_request_id")
        assert _refusal(world, step, found, B) == _refusal(world, step, NOBODY) == missing
        assert _refusal(world, step, found, NOBODY) == ("wallet_not_found", "wallet_id")
    unknown = world.refused("credit_request.create", NOBODY, amount="0")
    assert unknown.error.code == "wallet_not_found"


def test_a_sleeping_wallet_neither_asks_nor_gets(world: World) -> None:
    """It can be approved when the wallet is awake again."""
    found = _asked(world)
    world.done("wallet.set_status", A, status="suspended")
    error = world.refused("credit_request.create", A, amount="1").error
    assert (error.code, error.param) == ("wallet_not_active", "wallet_id")
    assert _refusal(world, "approve", found) == ("wallet_not_active", "wallet_id")
    world.done("wallet.set_status", A, status="active")
    assert _after(world, "approve", found).status == "approved"


def test_no_balance_outgrows_its_digits(world: World) -> None:
    """Told before the wallet's status and before the request's."""
    found, ended = _asked(world), _asked(world)
    _after(world, "approve", ended)
    world.oracle.books.wallets[A].balance_minor = 10**38 - 4_000
    world.done("wallet.set_status", A, status="suspended")
    for each in (found, ended):
        assert _refusal(world, "approve", each) == ("amount_too_large", "amount")
    assert _refusal(world, "reject", ended)[0] == "credit_request_not_pending"
    world.done("wallet.set_status", A, status="active")
    world.oracle.books.wallets[A].balance_minor -= 1
    assert _after(world, "approve", found).status == "approved"
    assert _minor(world) == 10**38 - 1


def test_a_credit_cannot_be_refunded(world: World) -> None:
    """It is no payment of the wallet's."""
    found = _asked(world)
    paid = world.done("credit_request.approve", A, credit_request_id=found).transaction_id
    for name in (found, paid):
        error = world.refused("refund", A, transaction_id=name).error
        assert error.code == "transaction_not_found"


def test_a_sale_to_a_wallet_is_a_transfer_by_another_name(world: World) -> None:
    """Both wallets have their event, which tells the phone; it can be refunded."""
    data = {"phone_number": PHONE, "to_wallet_id": B, "amount": "30", "reference": "r"}
    answer = world.say("charge_sale", A, **data)
    assert answer is not None
    assert dict(answer.result.sequences) == {A: 3, B: 3}
    assert [(e.wallet_id, e.balance.after) for e in answer.events] == [(A, "70.00"), (B, "130.00")]
    for event in answer.events:
        told = msgspec.to_builtins(event.transaction)
        assert (told["kind"], told["reference"]) == ("charge_sale", "r")
        assert list(told.items())[-1] == ("phone_number", PHONE)
    paid = answer.events[0].transaction.id
    back = world.done("refund", A, transaction_id=paid)
    assert (back.balance, set(back.sequences)) == ("100.00", {A, B})


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        ({"to_wallet_id": A}, "same_wallet", "to_wallet_id"),
        ({"to_wallet_id": NOBODY}, "wallet_not_found", "to_wallet_id"),
        ({"to_wallet_id": C}, "currency_mismatch", "to_wallet_id"),
        ({"to_wallet_id": B, "currency": "USD"}, "currency_mismatch", "currency"),
        ({"to_wallet_id": B, "amount": "101"}, "insufficient_funds", "amount"),
    ],
)
def test_refused_sales_to_a_wallet(
    world: World, data: dict[str, object], code: str, param: str
) -> None:
    """As a transfer is refused, naming the same fields; both wallets are looked at."""
    refused = world.refused("charge_sale", A, **({"phone_number": PHONE, "amount": "1"} | data))
    assert (refused.error.code, refused.error.param) == (code, param)
    assert set(refused.sequences) == {A, data["to_wallet_id"]}
