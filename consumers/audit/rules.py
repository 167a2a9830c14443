"""The auditor's own rules of money: for each type of command, what it does or why it may not.

Written from DESIGN.md, not from streams: the checks stand in order of precedence, each raises
Refused, and only then are the books changed. Pure: books and a command in, a posting out.
"""

from collections.abc import Callable
from typing import Any, Final

from consumers.audit import credit_rules as credit
from consumers.audit import withdrawal_rules as withdrawals
from consumers.audit.books import Books, Payment, Posting, Refused, Wallet
from consumers.audit.checks import active, existing, funds, minor, room, same_currency
from schemas.accounts import WORLD_DEPOSITS, WORLD_EXCHANGE, WORLD_SALES, is_world
from schemas.commands import (
    CreateWallet,
    Deposit,
    Exchange,
    Refund,
    SellCharge,
    SetWalletStatus,
    Transfer,
)
from schemas.money import show
from schemas.refusals import Code


def create(books: Books, data: CreateWallet, _transaction_id: str) -> Posting:
    """Open an empty, active wallet."""
    if books.look(data.wallet_id) is not None:
        raise Refused(Code.WALLET_EXISTS, "wallet_id", {"wallet_id": data.wallet_id})
    books.wallets[data.wallet_id] = Wallet(data.wallet_id, data.currency)
    return books.post((data.wallet_id, 0))


def set_status(books: Books, data: SetWalletStatus, _transaction_id: str) -> Posting:
    """Let a wallet give and take money, or stop it; any status may follow any other.

    Where the command says at which sequence, only there.
    """
    wallet = existing(books.look(data.wallet_id), data.wallet_id)
    if data.if_sequence not in {None, wallet.sequence}:
        said = {"sequence": str(wallet.sequence), "if_sequence": str(data.if_sequence)}
        context = {"wallet_id": wallet.wallet_id, **said}
        raise Refused(Code.SEQUENCE_MISMATCH, "if_sequence", context)
    wallet.status = data.status
    return books.post((data.wallet_id, 0))


def deposit(books: Books, data: Deposit, _transaction_id: str) -> Posting:
    """Money from outside."""
    wallet = existing(books.look(data.wallet_id), data.wallet_id)
    same_currency(wallet, data.currency)
    amount = minor(data.amount, wallet)
    active(wallet)
    room(wallet, amount)
    return books.post((WORLD_DEPOSITS, -amount), (data.wallet_id, amount))


def charge_sale(books: Books, data: SellCharge, transaction_id: str) -> Posting:
    """Money spent on a phone charge; with a wallet to go to, a transfer by another name."""
    if data.to_wallet_id is not None:
        return _to_wallet(books, data, data.to_wallet_id, transaction_id)
    wallet = existing(books.look(data.wallet_id), data.wallet_id)
    same_currency(wallet, data.currency)
    amount = minor(data.amount, wallet)
    active(wallet)
    funds(wallet, amount)
    return _pay(books, data.wallet_id, WORLD_SALES, amount, transaction_id)


def transfer(books: Books, data: Transfer, transaction_id: str) -> Posting:
    """Money from one wallet to another of the same currency."""
    return _to_wallet(books, data, data.to_wallet_id, transaction_id)


def exchange(books: Books, data: Exchange, _transaction_id: str) -> Posting:
    """Money for money of another currency; no payment, so nothing of it can be refunded."""
    own, other = _both(books, data.wallet_id, data.to_wallet_id)
    same_currency(own, data.currency)
    same_currency(other, data.to_currency, "to_currency")
    if own.currency == other.currency:
        raise Refused(Code.SAME_CURRENCY, "to_wallet_id", {"currency": own.currency})
    given = minor(data.amount, own)
    got = minor(data.to_amount, other, "to_amount")
    active(own)
    active(other, "to_wallet_id")
    funds(own, given)
    room(other, got, "to_amount")
    return books.post_each(
        ((data.wallet_id, -given), (WORLD_EXCHANGE, given)),
        ((WORLD_EXCHANGE, -got), (data.to_wallet_id, got)),
    )


def refund(books: Books, data: Refund, _transaction_id: str) -> Posting:
    """Give back what the wallet paid: all that is left, or a part of it."""
    wallet = existing(books.look(data.wallet_id), data.wallet_id)
    payment = books.payments.get(data.transaction_id)
    if payment is None or payment.payer != data.wallet_id:
        context = {"transaction_id": data.transaction_id}
        raise Refused(Code.TRANSACTION_NOT_FOUND, "transaction_id", context)
    receiver = None if is_world(payment.receiver) else books.look(payment.receiver)
    same_currency(wallet, data.currency)
    asked = None if data.amount is None else minor(data.amount, wallet)
    active(wallet)
    if receiver is not None:
        active(receiver)
    amount = _refundable(payment, asked, wallet.currency)
    if receiver is not None:
        funds(receiver, amount)
    room(wallet, amount)
    payment.refunded_minor += amount
    return books.post((payment.receiver, -amount), (data.wallet_id, amount))


def _refundable(payment: Payment, asked: int | None, currency: str) -> int:
    left = payment.amount_minor - payment.refunded_minor
    amount = left if asked is None else asked
    if amount > left or left == 0:
        numbers = (payment.amount_minor, payment.refunded_minor, left)
        texts = [show(minor, currency) for minor in numbers]
        context = dict(zip(("paid", "refunded", "refundable"), texts, strict=True))
        raise Refused(Code.ALREADY_REFUNDED, "amount", context)
    return amount


def _to_wallet(
    books: Books, data: Transfer | SellCharge, to_wallet_id: str, transaction_id: str
) -> Posting:
    """From the command's wallet to another one."""
    own, other = _both(books, data.wallet_id, to_wallet_id)
    same_currency(own, data.currency)
    same_currency(other, own.currency, "to_wallet_id")
    amount = minor(data.amount, own)
    active(own)
    active(other, "to_wallet_id")
    funds(own, amount)
    room(other, amount)
    return _pay(books, data.wallet_id, to_wallet_id, amount, transaction_id)


def _both(books: Books, own_id: str, other_id: str) -> tuple[Wallet, Wallet]:
    """Two wallets that are there; both are looked at whatever comes of it."""
    own, other = books.look(own_id), books.look(other_id)
    if own_id == other_id:
        raise Refused(Code.SAME_WALLET, "to_wallet_id")
    return existing(own, own_id), existing(other, other_id, "to_wallet_id")


def _pay(books: Books, payer: str, receiver: str, amount: int, transaction_id: str) -> Posting:
    """Post a payment and remember it, so that it can be refunded."""
    books.payments[transaction_id] = Payment(payer, receiver, amount)
    return books.post((payer, -amount), (receiver, amount))


RULES: Final[dict[str, Callable[[Books, Any, str], Posting]]] = {
    "wallet.create.v1": create,
    "wallet.set_status.v1": set_status,
    "deposit.v1": deposit,
    "charge_sale.v1": charge_sale,
    "transfer.v1": transfer,
    "refund.v1": refund,
    "exchange.v1": exchange,
    "credit_request.create.v1": credit.create,
    "credit_request.approve.v1": credit.approve,
    "credit_request.reject.v1": credit.reject,
    "withdrawal.schedule.v1": withdrawals.schedule,
    "withdrawal.cancel.v1": withdrawals.cancel,
    "withdrawal.execute.v1": withdrawals.execute,
    "withdrawal.settle.v1": withdrawals.settle,
    "withdrawal.fail.v1": withdrawals.fail,
    "withdrawal.review.v1": withdrawals.review,
}
"""One rule for each command type of schemas.commands.TYPES."""
