"""The rules of withdrawals: scheduled -> executing -> paid | failed | cancelled | needs_review.

Each step is a command on the wallet's own partition. Between execution and the bank's answer the
money is in transit: it has left the wallet and stands on an account of its own, so that no crash
can forget it. Pure, as streams.ledger, which asks here.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from schemas import moments
from schemas.accounts import WORLD_BANK, WORLD_TRANSIT
from schemas.commands import (
    CancelWithdrawal,
    Command,
    CommandData,
    ExecuteWithdrawal,
    FailWithdrawal,
    ReviewWithdrawal,
    ScheduleWithdrawal,
    SettleWithdrawal,
)
from schemas.identifiers import is_uuid
from schemas.money import MAX_MINOR
from schemas.refusals import Code, Refusal, detail_of
from schemas.statuses import IN_TRANSIT
from streams.books import ACTIVE, Books, Decision, Entry, Posting, Wallet, Withdrawal
from streams.refusing import amount_of, insufficient, not_active, not_found

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

Step = CancelWithdrawal | ExecuteWithdrawal | SettleWithdrawal | FailWithdrawal | ReviewWithdrawal


def decide(command: Command, now_ms: int, books: Books) -> Decision:
    """What becomes of a command on a withdrawal, recorded now. Changes nothing."""
    data = command.data
    if isinstance(data, ScheduleWithdrawal):
        return _schedule(data, now_ms, books)
    assert isinstance(data, Step), "streams.ledger decides all other commands"
    wallet = books.wallets.get(data.wallet_id)
    if wallet is None:
        return not_found(data.wallet_id)
    withdrawal = _own(data, books)
    if withdrawal is None:
        context = {"withdrawal_id": data.withdrawal_id}
        return Refusal(Code.WITHDRAWAL_NOT_FOUND, "withdrawal_id", context)
    return _STEPS[type(data)](data, withdrawal, now_ms, books)


def looked_at(data: CommandData, books: Books) -> tuple[str, ...]:
    """The wallets that a command on a withdrawal depends on, its own first."""
    target = None
    if isinstance(data, ScheduleWithdrawal):
        target = target_wallet(data)
    elif isinstance(data, ExecuteWithdrawal | SettleWithdrawal):
        withdrawal = _own(data, books)
        target = None if withdrawal is None else withdrawal.target_wallet
    return (data.wallet_id,) if target is None else (data.wallet_id, target)


def target_wallet(data: ScheduleWithdrawal) -> str | None:
    """The wallet that is to get the money; None where it is to leave the ledger."""
    return data.target if data.target is not None and is_uuid(data.target) else None


def _own(data: Step, books: Books) -> Withdrawal | None:
    """The withdrawal that a command names, if it is its wallet's."""
    found = books.withdrawals.get(data.withdrawal_id)
    return found if found is not None and found.wallet_id == data.wallet_id else None


def _schedule(data: ScheduleWithdrawal, now_ms: int, books: Books) -> Decision:
    """The balance is not looked at: it is what it is when the time has come."""
    wallet = _schedulable(data, books)
    if isinstance(wallet, Refusal):
        return wallet
    receiver = books.wallets.get(data.target or "")
    amount = amount_of(data.amount, data.currency, wallet, receiver, "target")
    if isinstance(amount, Refusal):
        return amount
    due_at_ms = _due_at_ms(data, now_ms)
    refusal = _wrong_time(data, due_at_ms, now_ms, books)
    if refusal is not None:
        return refusal
    if wallet.status != ACTIVE:
        return not_active(wallet)
    scheduled = Withdrawal(
        withdrawal_id="",
        wallet_id=data.wallet_id,
        amount_minor=amount,
        currency=wallet.currency,
        due_at_ms=due_at_ms,
        target=data.target,
        status="scheduled",
        reason=None,
        changed_at_ms=now_ms,
        opened_status=None,
    )
    return _moneyless(scheduled)


def _schedulable(data: ScheduleWithdrawal, books: Books) -> Wallet | Refusal:
    """The wallet, if it and the target are there."""
    if data.target == data.wallet_id:
        return Refusal(Code.SAME_WALLET, "target")
    wallet = books.wallets.get(data.wallet_id)
    if wallet is None:
        return not_found(data.wallet_id)
    target = target_wallet(data)
    if target is not None and target not in books.wallets:
        return Refusal(Code.TARGET_NOT_FOUND, "target", {"target": target})
    return wallet


def _due_at_ms(data: ScheduleWithdrawal, now_ms: int) -> int:
    """When it is to be executed; what is finer than a millisecond is cut off."""
    if data.due_at is not None:
        return (data.due_at - _EPOCH) // _MILLISECOND
    assert data.delay is not None, "decoding saw to one of the two"
    if isinstance(data.delay, int):
        return now_ms + data.delay * 1000
    return now_ms + data.delay // _MILLISECOND


def _wrong_time(
    data: ScheduleWithdrawal, due_at_ms: int, now_ms: int, books: Books
) -> Refusal | None:
    """Why it cannot be due then."""
    param = "delay" if data.due_at is None else "due_at"
    due_at = moments.of_broker(due_at_ms)
    if due_at_ms <= now_ms:
        context = {"due_at": due_at, "recorded_at": moments.of_broker(now_ms)}
        return Refusal(Code.DUE_NOT_IN_FUTURE, param, context)
    latest = now_ms + books.horizon_ms
    if due_at_ms > latest:
        context = {"due_at": due_at, "latest": moments.of_broker(latest)}
        return Refusal(Code.DUE_TOO_FAR, param, context)
    return None


def _cancel(_: CancelWithdrawal, found: Withdrawal, now_ms: int, __: Books) -> Decision:
    if found.status != "scheduled":
        return _in_status(Code.WITHDRAWAL_NOT_SCHEDULED, found)
    return _moneyless(_moved(found, "cancelled", now_ms))


def _execute(_: ExecuteWithdrawal, found: Withdrawal, now_ms: int, books: Books) -> Decision:
    """The money leaves the wallet, or the withdrawal has failed and the reason stands in it."""
    if found.status != "scheduled":
        return _in_status(Code.WITHDRAWAL_NOT_SCHEDULED, found)
    if now_ms < found.due_at_ms:
        times = {"due_at": found.due_at_ms, "recorded_at": now_ms}
        told = {name: moments.of_broker(moment) for name, moment in times.items()}
        context = {"withdrawal_id": found.withdrawal_id, **told}
        return Refusal(Code.WITHDRAWAL_NOT_DUE, "withdrawal_id", context)
    obstacle = _obstacle(found, books)
    if obstacle is not None:
        return _moneyless(_moved(found, "failed", now_ms, detail_of(obstacle)))
    entries = (
        Entry(found.wallet_id, -found.amount_minor),
        Entry(WORLD_TRANSIT, found.amount_minor),
    )
    return Posting(entries, found.currency, withdrawal=_moved(found, "executing", now_ms))


def _obstacle(found: Withdrawal, books: Books) -> Refusal | None:
    """Why a withdrawal whose time has come cannot be executed."""
    wallet = books.wallets[found.wallet_id]
    if wallet.status != ACTIVE:
        return not_active(wallet)
    target = books.wallets.get(found.target or "")
    if target is not None and target.status != ACTIVE:
        return not_active(target, "target")
    if wallet.balance_minor < found.amount_minor:
        return insufficient(wallet, found.amount_minor)
    return None


def _settle(_: SettleWithdrawal, found: Withdrawal, now_ms: int, books: Books) -> Decision:
    """The payment is done: a target wallet gets it whatever its status is by now."""
    if found.status not in IN_TRANSIT:
        return _in_status(Code.WITHDRAWAL_NOT_EXECUTING, found)
    target = books.wallets.get(found.target or "")
    if target is not None and target.balance_minor + found.amount_minor > MAX_MINOR:
        return Refusal(Code.AMOUNT_TOO_LARGE, "target")
    entries = (
        Entry(WORLD_TRANSIT, -found.amount_minor),
        Entry(found.wallet_id, 0),
        Entry(WORLD_BANK if target is None else target.wallet_id, found.amount_minor),
    )
    return Posting(entries, found.currency, withdrawal=_moved(found, "paid", now_ms))


def _fail(data: FailWithdrawal, found: Withdrawal, now_ms: int, books: Books) -> Decision:
    """The money returns to the wallet, whatever its status is by now."""
    if found.status not in IN_TRANSIT:
        return _in_status(Code.WITHDRAWAL_NOT_EXECUTING, found)
    if books.wallets[found.wallet_id].balance_minor + found.amount_minor > MAX_MINOR:
        return Refusal(Code.AMOUNT_TOO_LARGE, "amount")
    entries = (
        Entry(WORLD_TRANSIT, -found.amount_minor),
        Entry(found.wallet_id, found.amount_minor),
    )
    moved = _moved(found, "failed", now_ms, data.reason)
    return Posting(entries, found.currency, withdrawal=moved)


def _review(data: ReviewWithdrawal, found: Withdrawal, now_ms: int, _: Books) -> Decision:
    if found.status != "executing":
        return _in_status(Code.WITHDRAWAL_NOT_EXECUTING, found)
    return _moneyless(_moved(found, "needs_review", now_ms, data.reason))


def _moneyless(withdrawal: Withdrawal) -> Posting:
    """A step of the wallet that moves no money."""
    return Posting((Entry(withdrawal.wallet_id, 0),), withdrawal.currency, withdrawal=withdrawal)


def _moved(found: Withdrawal, status: str, now_ms: int, reason: str | None = None) -> Withdrawal:
    return replace(found, status=status, reason=reason, changed_at_ms=now_ms)


def _in_status(code: Code, found: Withdrawal) -> Refusal:
    context = {"withdrawal_id": found.withdrawal_id, "status": found.status}
    return Refusal(code, "withdrawal_id", context)


_STEPS: Final[dict[type, Callable[[Any, Withdrawal, int, Books], Decision]]] = {
    CancelWithdrawal: _cancel,
    ExecuteWithdrawal: _execute,
    SettleWithdrawal: _settle,
    FailWithdrawal: _fail,
    ReviewWithdrawal: _review,
}
