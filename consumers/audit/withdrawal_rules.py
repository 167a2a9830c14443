"""The auditor's own rules of withdrawals, written from DESIGN.md 5 and not from streams.

A withdrawal is scheduled, then executing or failed, or cancelled; from executing it is paid, failed
or needs review; from review it is paid or failed. The money is in transit while it is executing or
needs review. As in `rules`, all checks come first, in order of precedence.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from consumers.audit.books import Books, Move, Posting, Refused, Wallet, Withdrawal
from consumers.audit.checks import active, existing, funds, minor, room, same_currency
from schemas import moments
from schemas.accounts import WORLD_BANK, WORLD_TRANSIT
from schemas.commands import (
    CancelWithdrawal,
    ExecuteWithdrawal,
    FailWithdrawal,
    ReviewWithdrawal,
    ScheduleWithdrawal,
    SettleWithdrawal,
)
from schemas.identifiers import is_uuid, partition_of
from schemas.refusals import Code, detail_of

Named = CancelWithdrawal | ExecuteWithdrawal | SettleWithdrawal | FailWithdrawal | ReviewWithdrawal
"""A command that names a withdrawal which is there already."""

_UNPAID: Final = ("executing", "needs_review")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def schedule(books: Books, data: ScheduleWithdrawal, transaction_id: str) -> Posting:
    """Promise to pay out when the time has come; nobody looks at the balance before."""
    receiver = data.target if data.target is not None and is_uuid(data.target) else None
    own = books.look(data.wallet_id)
    other = None if receiver is None else books.look(receiver)
    if receiver == data.wallet_id:
        raise Refused(Code.SAME_WALLET, "target")
    own = existing(own, data.wallet_id)
    if receiver is not None and other is None:
        raise Refused(Code.TARGET_NOT_FOUND, "target", {"target": receiver})
    same_currency(own, data.currency)
    if other is not None:
        same_currency(other, own.currency, "target")
    amount = minor(data.amount, own)
    due_at_ms = _due(books, data)
    active(own)
    now_ms = books.at.timestamp_ms
    books.withdrawals[transaction_id] = books.about = Withdrawal(
        transaction_id,
        data.wallet_id,
        amount,
        own.currency,
        due_at_ms,
        data.target,
        receiver,
        partition_of(data.wallet_id, books.partitions),
        now_ms,
    )
    return books.post((data.wallet_id, 0))


def cancel(books: Books, data: CancelWithdrawal, _transaction_id: str) -> Posting:
    """Call it off, as long as nothing has been done."""
    _, withdrawal = _own(books, data)
    _must_be(withdrawal, ("scheduled",), Code.WITHDRAWAL_NOT_SCHEDULED)
    return _step(books, withdrawal, "cancelled", None, (data.wallet_id, 0))


def execute(books: Books, data: ExecuteWithdrawal, _transaction_id: str) -> Posting:
    """Its time has come: the money leaves the wallet, or the withdrawal has failed."""
    wallet, withdrawal = _own(books, data)
    other = None if withdrawal.receiver is None else books.look(withdrawal.receiver)
    _must_be(withdrawal, ("scheduled",), Code.WITHDRAWAL_NOT_SCHEDULED)
    _must_be_due(books, withdrawal)
    amount = withdrawal.amount_minor
    try:
        active(wallet)
        if other is not None:
            active(other, "target")
        funds(wallet, amount)
    except Refused as refused:  # that it cannot be done is what becomes of it, not a refusal
        reason = detail_of(refused.refusal)
        return _step(books, withdrawal, "failed", reason, (data.wallet_id, 0))
    moves = (data.wallet_id, -amount), (WORLD_TRANSIT, amount)
    return _step(books, withdrawal, "executing", None, *moves)


def settle(books: Books, data: SettleWithdrawal, _transaction_id: str) -> Posting:
    """The bank has paid; a wallet that it was for gets it, whatever its status is by now."""
    _, withdrawal = _own(books, data)
    other = None if withdrawal.receiver is None else books.look(withdrawal.receiver)
    _must_be(withdrawal, _UNPAID, Code.WITHDRAWAL_NOT_EXECUTING)
    amount = withdrawal.amount_minor
    if other is not None:
        room(other, amount, "target")
    receiver = WORLD_BANK if other is None else other.wallet_id
    moves = (WORLD_TRANSIT, -amount), (data.wallet_id, 0), (receiver, amount)
    return _step(books, withdrawal, "paid", None, *moves)


def fail(books: Books, data: FailWithdrawal, _transaction_id: str) -> Posting:
    """The bank has not paid: the money returns, whatever the wallet's status is by now."""
    wallet, withdrawal = _own(books, data)
    _must_be(withdrawal, _UNPAID, Code.WITHDRAWAL_NOT_EXECUTING)
    amount = withdrawal.amount_minor
    room(wallet, amount)
    moves = (WORLD_TRANSIT, -amount), (data.wallet_id, amount)
    return _step(books, withdrawal, "failed", data.reason, *moves)


def review(books: Books, data: ReviewWithdrawal, _transaction_id: str) -> Posting:
    """Nobody knows what the bank has done: the money stays in transit until a person says."""
    _, withdrawal = _own(books, data)
    _must_be(withdrawal, ("executing",), Code.WITHDRAWAL_NOT_EXECUTING)
    return _step(books, withdrawal, "needs_review", data.reason, (data.wallet_id, 0))


def _own(books: Books, data: Named) -> tuple[Wallet, Withdrawal]:
    """The command's wallet and the withdrawal it names, which must be that wallet's."""
    wallet = existing(books.look(data.wallet_id), data.wallet_id)
    withdrawal = books.withdrawals.get(data.withdrawal_id)
    if withdrawal is None or withdrawal.wallet_id != data.wallet_id:
        context = {"withdrawal_id": data.withdrawal_id}
        raise Refused(Code.WITHDRAWAL_NOT_FOUND, "withdrawal_id", context)
    return wallet, withdrawal


def _must_be(withdrawal: Withdrawal, statuses: tuple[str, ...], code: Code) -> None:
    if withdrawal.status not in statuses:
        context = {"withdrawal_id": withdrawal.withdrawal_id, "status": withdrawal.status}
        raise Refused(code, "withdrawal_id", context)


def _must_be_due(books: Books, withdrawal: Withdrawal) -> None:
    now_ms = books.at.timestamp_ms
    if now_ms < withdrawal.due_at_ms:
        context = {
            "withdrawal_id": withdrawal.withdrawal_id,
            "due_at": moments.of_broker(withdrawal.due_at_ms),
            "recorded_at": moments.of_broker(now_ms),
        }
        raise Refused(Code.WITHDRAWAL_NOT_DUE, "withdrawal_id", context)


def _due(books: Books, data: ScheduleWithdrawal) -> int:
    """When it is due: after now, and not beyond the horizon. Parts of a millisecond are cut off."""
    now_ms, latest_ms = books.at.timestamp_ms, books.at.timestamp_ms + books.horizon_ms
    param = "delay" if data.due_at is None else "due_at"
    due_at_ms = (
        now_ms + _length_ms(data.delay)
        if data.due_at is None
        else (data.due_at - _EPOCH) // _MILLISECOND
    )
    context = {"due_at": moments.of_broker(due_at_ms)}
    if due_at_ms <= now_ms:
        context["recorded_at"] = moments.of_broker(now_ms)
        raise Refused(Code.DUE_NOT_IN_FUTURE, param, context)
    if due_at_ms > latest_ms:
        context["latest"] = moments.of_broker(latest_ms)
        raise Refused(Code.DUE_TOO_FAR, param, context)
    return due_at_ms


def _length_ms(delay: int | timedelta | None) -> int:
    """A delay in milliseconds; as a number it is in seconds."""
    assert delay is not None, "a schedule without due_at and delay is not decoded"
    length = timedelta(seconds=delay) if isinstance(delay, int) else delay
    return length // _MILLISECOND


def _step(
    books: Books, withdrawal: Withdrawal, status: str, reason: str | None, *moves: Move
) -> Posting:
    """Take a withdrawal to its next status, with the posting that goes with it."""
    withdrawal.status, withdrawal.reason = status, reason
    withdrawal.changed_at_ms = books.at.timestamp_ms
    books.about = withdrawal
    return books.post(*moves)
