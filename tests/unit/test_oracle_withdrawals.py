"""The auditor's rules of withdrawals, on their own."""

import msgspec
import pytest

from schemas import moments
from schemas.results import Rejected, WithdrawalBody
from tests.oracle_world import NOW_MS, A, B, C, World

DAY_MS = 24 * 3600 * 1000
ELSEWHERE = "DE02120300000000202051"


@pytest.fixture
def world() -> World:
    """An oracle that knows A and B with 100.00 IRR each, and C with dollars."""
    found = World()
    found.open(A, B)
    found.open(C, currency="USD")
    return found


def _scheduled(world: World, amount: str = "40", **data: object) -> str:
    """The id of a withdrawal of A that is due in a second."""
    withdrawal = world.done("withdrawal.schedule", A, amount=amount, delay=1, **data).withdrawal
    assert withdrawal is not None
    return withdrawal.id


def _executing(world: World, amount: str = "40", **data: object) -> str:
    """The id of a withdrawal of A whose money is in transit."""
    found = _scheduled(world, amount, **data)
    world.now_ms += 1000
    assert _after(world, "execute", found).status == "executing"
    return found


def _after(world: World, step: str, found: str, **data: object) -> WithdrawalBody:
    """A withdrawal of A after one more step."""
    result = world.done(f"withdrawal.{step}", A, withdrawal_id=found, **data)
    assert result.withdrawal is not None
    return result.withdrawal


def _refusal(world: World, step: str, found: str, wallet: str = A, **data: object) -> Rejected:
    return world.refused(f"withdrawal.{step}", wallet, withdrawal_id=found, **data)


def _balances(world: World) -> dict[str, int]:
    return {name: wallet.balance_minor for name, wallet in world.oracle.books.wallets.items()}


def _moment(after_ms: int) -> str:
    return moments.of_broker(NOW_MS + after_ms)


def test_a_schedule_moves_no_money_and_has_its_transactions_id(world: World) -> None:
    """One event without entries, which tells the withdrawal as the result does."""
    answer = world.say("withdrawal.schedule", A, amount="40", delay="PT1.0015S", target=ELSEWHERE)
    assert answer is not None
    body = msgspec.to_builtins(answer.result)
    assert body["withdrawal"] == {
        "id": body["transaction_id"],
        "status": "scheduled",
        "amount": "40.00",
        "currency": "IRR",
        "due_at": _moment(1001),
        "target": ELSEWHERE,
    }
    assert (body["balance"], body["sequence"], body["sequences"]) == ("100.00", 3, {A: 3})
    (event,) = answer.events
    assert (event.entries, msgspec.to_builtins(event.withdrawal)) == ([], body["withdrawal"])


def test_the_balance_is_not_looked_at_before_the_time_has_come(world: World) -> None:
    """More than there is can be promised; the execution then fails and says why."""
    found = _scheduled(world, "100.01")
    world.now_ms += 1000
    failed = _after(world, "execute", found)
    assert failed.status == "failed"
    assert failed.reason == (
        "Insufficient funds. Available balance: 100.00. Required amount: 100.01."
    )
    assert _refusal(world, "execute", found).error.context["status"] == "failed"
    assert _balances(world)[A] == 10_000


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        ({"target": A, "amount": "x", "currency": "USD"}, "same_wallet", "target"),
        ({"target": A[:-1] + "0", "amount": "0"}, "target_not_found", "target"),
        ({"target": C, "currency": "EUR"}, "currency_mismatch", "currency"),
        ({"target": C, "amount": "0"}, "currency_mismatch", "target"),
        ({"amount": "0", "delay": 10**10}, "amount_not_positive", "amount"),
        ({"amount": "0.001"}, "amount_precision", "amount"),
        ({"amount": "9" * 37}, "amount_too_large", "amount"),
        ({"delay": "PT0.0009S"}, "due_not_in_future", "delay"),
        ({"due_at": _moment(0)}, "due_not_in_future", "due_at"),
        ({"delay": 366 * 86_400 + 1}, "due_too_far", "delay"),
        ({"due_at": _moment(366 * DAY_MS + 1)}, "due_too_far", "due_at"),
    ],
)
def test_what_cannot_be_scheduled(
    world: World, data: dict[str, object], code: str, param: str
) -> None:
    """The first reason that holds is told."""
    usual: dict[str, object] = {"amount": "1"} | ({} if "due_at" in data else {"delay": 1})
    error = world.refused("withdrawal.schedule", A, **(usual | data)).error
    assert (error.code, error.param) == (code, param)


def test_the_wallets_that_a_schedule_looks_at(world: World) -> None:
    """Its own and the target, even one that is not there; its own once only."""
    usual: dict[str, object] = {"amount": "1", "delay": 1}
    assert world.done("withdrawal.schedule", A, **usual, target=B).sequences == {A: 3, B: 2}
    nobody = A[:-1] + "0"
    refused = world.refused("withdrawal.schedule", A, **usual, target=nobody)
    assert (refused.sequences, refused.error.context) == ({A: 3, nobody: 0}, {"target": nobody})
    assert world.refused("withdrawal.schedule", A, **usual, target=A).sequences == {A: 3}
    refused = world.refused("withdrawal.schedule", nobody, **usual, target=B)
    assert (refused.error.code, refused.sequences) == ("wallet_not_found", {nobody: 0, B: 2})


def test_a_time_is_told_with_its_limit(world: World) -> None:
    """Due times at both rims of what is possible, to the millisecond."""
    latest = _moment(366 * DAY_MS)
    usual: dict[str, object] = {"amount": "1"}
    error = world.refused("withdrawal.schedule", A, **usual, due_at=_moment(-1)).error
    assert error.context == {"due_at": _moment(-1), "recorded_at": _moment(0)}
    error = world.refused("withdrawal.schedule", A, **usual, delay=366 * 86_400 + 1).error
    assert error.context == {"due_at": _moment(366 * DAY_MS + 1000), "latest": latest}
    for moment in (_moment(1), latest):
        done = world.done("withdrawal.schedule", A, **usual, due_at=moment).withdrawal
        assert done is not None
        assert done.due_at == moment


def test_only_an_active_wallet_schedules_and_its_target_may_sleep(world: World) -> None:
    """The target's status counts when the time has come."""
    world.done("wallet.set_status", B, status="suspended")
    assert _scheduled(world, target=B)
    world.done("wallet.set_status", A, status="deactivated")
    error = world.refused("withdrawal.schedule", A, amount="1", delay=1).error
    assert (error.code, error.param) == ("wallet_not_active", "wallet_id")
    error = world.refused("withdrawal.schedule", A, amount="1", delay=10**9).error
    assert error.code == "due_too_far"


def test_nothing_is_executed_early(world: World) -> None:
    """Not a millisecond."""
    found = _scheduled(world)
    world.now_ms += 999
    error = _refusal(world, "execute", found).error
    assert (error.code, error.param) == ("withdrawal_not_due", "withdrawal_id")
    times = {"due_at": _moment(1000), "recorded_at": _moment(999)}
    assert error.context == {"withdrawal_id": found, **times}
    world.now_ms += 1
    assert _after(world, "execute", found).status == "executing"


def test_money_is_in_transit_until_the_bank_has_paid(world: World) -> None:
    """Out of the wallet at the execution, out of the books at the settlement."""
    found = _executing(world, target=ELSEWHERE)
    assert _balances(world)[A] == 6_000
    answer = world.say("withdrawal.settle", A, withdrawal_id=found)
    assert answer is not None
    (event,) = answer.events
    assert [(entry.account, entry.amount) for entry in event.entries] == [
        ("world:in_transit", "-40.00"),
        ("world:bank", "40.00"),
    ]
    assert (event.balance.before, event.balance.after) == ("60.00", "60.00")
    assert event.withdrawal is not None
    assert event.withdrawal.status == "paid"
    error = _refusal(world, "settle", found).error
    assert (error.code, error.param) == ("withdrawal_not_executing", "withdrawal_id")
    assert error.context == {"withdrawal_id": found, "status": "paid"}


def test_a_wallet_that_is_the_target_is_credited_at_the_settlement(world: World) -> None:
    """Whatever its status is by then; each of the two has its event."""
    found = _executing(world, target=B)
    world.done("wallet.set_status", B, status="suspended")
    answer = world.say("withdrawal.settle", A, withdrawal_id=found)
    assert answer is not None
    assert dict(answer.result.sequences) == {A: 5, B: 4}
    assert [(event.wallet_id, event.balance.after) for event in answer.events] == [
        (A, "60.00"),
        (B, "140.00"),
    ]
    assert answer.events[0].entries == answer.events[1].entries


def test_a_failed_payment_returns_the_money(world: World) -> None:
    """To a wallet of whatever status, with the bank's reason."""
    found = _executing(world)
    world.done("wallet.set_status", A, status="suspended")
    failed = _after(world, "fail", found, reason="account closed")
    assert (failed.status, failed.reason) == ("failed", "account closed")
    assert _balances(world)[A] == 10_000
    assert _refusal(world, "settle", found).error.context["status"] == "failed"


@pytest.mark.parametrize(("step", "left"), [("settle", 6_000), ("fail", 10_000)])
def test_a_review_ends_either_way(world: World, step: str, left: int) -> None:
    """The money waits in transit; a second review is one too many."""
    found = _executing(world)
    reviewed = _after(world, "review", found, reason="no answer")
    assert (reviewed.status, reviewed.reason) == ("needs_review", "no answer")
    refused = _refusal(world, "review", found, reason="no answer").error
    assert (refused.code, refused.context["status"]) == ("withdrawal_not_executing", "needs_review")
    more = {} if step == "settle" else {"reason": "by hand"}
    ended = _after(world, step, found, **more)
    assert ended.reason == more.get("reason")
    assert _balances(world)[A] == left


def test_a_cancelled_withdrawal_is_never_executed(world: World) -> None:
    """And one that has been executed is never cancelled."""
    found = _scheduled(world)
    assert _after(world, "cancel", found).status == "cancelled"
    world.now_ms += 1000
    for step in ("execute", "cancel"):
        error = _refusal(world, step, found).error
        assert (error.code, error.context["status"]) == ("withdrawal_not_scheduled", "cancelled")
    error = _refusal(world, "cancel", _executing(world)).error
    assert (error.code, error.context["status"]) == ("withdrawal_not_scheduled", "executing")


def test_a_wallet_sees_its_own_withdrawals_only(world: World) -> None:
    """Another's is not found, as one that never was; a target is then not looked at."""
    found = _scheduled(world, target=B)
    refused = _refusal(world, "execute", found, B)
    assert (refused.error.code, refused.error.param) == ("withdrawal_not_found", "withdrawal_id")
    assert (refused.error.context, refused.sequences) == ({"withdrawal_id": found}, {B: 2})
    assert _refusal(world, "settle", A).error.code == "withdrawal_not_found"
    assert _refusal(world, "cancel", found, A[:-1] + "0").error.code == "wallet_not_found"


@pytest.mark.parametrize(("sleeping", "amount"), [(A, "1"), (B, "1"), (A, "1000")])
def test_an_execution_fails_where_a_wallet_sleeps(world: World, sleeping: str, amount: str) -> None:
    """The own wallet's status is told first, then the target's, then the missing money."""
    found = _scheduled(world, amount, target=B)
    world.done("wallet.set_status", sleeping, status="suspended")
    world.now_ms += 1000
    result = world.done("withdrawal.execute", A, withdrawal_id=found)
    assert result.withdrawal is not None
    assert result.withdrawal.reason == f"The wallet {sleeping} is suspended."
    assert set(result.sequences) == {A, B}
    assert _balances(world)[A] == 10_000


def test_only_execute_and_settle_look_at_the_target(world: World) -> None:
    """Refused or done; what the others do does not depend on it."""
    found = _scheduled(world, target=B)
    assert set(_refusal(world, "execute", found).sequences) == {A, B}
    assert set(_refusal(world, "settle", found).sequences) == {A, B}
    assert set(_refusal(world, "fail", found, reason="x").sequences) == {A}
    assert set(_refusal(world, "review", found, reason="x").sequences) == {A}
    assert set(world.done("withdrawal.cancel", A, withdrawal_id=found).sequences) == {A}


def test_no_balance_outgrows_its_digits(world: World) -> None:
    """Then the money stays in transit, until there is room for it."""
    found = _executing(world, target=B)
    for wallet in (A, B):
        world.oracle.books.wallets[wallet].balance_minor = 10**38 - 1
    refused = _refusal(world, "settle", found).error
    assert (refused.code, refused.param) == ("amount_too_large", "target")
    refused = _refusal(world, "fail", found, reason="x").error
    assert (refused.code, refused.param) == ("amount_too_large", "amount")
    assert world.oracle.books.withdrawals[found].status == "executing"


def test_a_withdrawal_cannot_be_refunded(world: World) -> None:
    """The way back of its money is that it fails."""
    found = _executing(world)
    error = world.refused("refund", A, transaction_id=found).error
    assert error.code == "transaction_not_found"
