"""The auditor's own rules of money: for each type of command, what it does or why it may not.

Written from DESIGN.md, not from streams: the checks stand in order of precedence, each raises
Refused, and only then are the books changed. Pure: books and a command in, a posting out.
"""

from collections.abc import Callable
from typing import Any, Final

from consumers.audit.books import Books, Move, Payment, Refused, Wallet
from schemas import money
from schemas.accounts import WORLD_DEPOSITS, WORLD_SALES, is_world
from schemas.commands import (
    CreateWallet,
    Deposit,
    Refund,
    SellCharge,
    SetWalletStatus,
    Transfer,
)
from schemas.money import show
from schemas.refusals import Code

Posting = tuple[Move, ...]


def create(books: Books, data: CreateWallet, _transaction_id: str) -> Posting:
    """Open an empty, active wallet."""
    if books.look(data.wallet_id) is not None:
        raise Refused(Code.WALLET_EXISTS, "wallet_id", {"wallet_id": data.wallet_id})
    books.wallets[data.wallet_id] = Wallet(data.wallet_id, data.currency)
    return books.post((data.wallet_id, 0))


def set_status(books: Books, data: SetWalletStatus, _transaction_id: str) -> Posting:
    """Let a wallet give and take money, or stop it; any status may follow any other."""
    wallet = _existing(books.look(data.wallet_id), data.wallet_id)
    wallet.status = data.status
    return books.post((data.wallet_id, 0))


def deposit(books: Books, data: Deposit, _transaction_id: str) -> Posting:
    """Money from outside."""
    wallet = _existing(books.look(data.wallet_id), data.wallet_id)
    _same_currency(wallet, data.currency)
    amount = _minor(data.amount, wallet)
    _active(wallet)
    _room(wallet, amount)
    return books.post((WORLD_DEPOSITS, -amount), (data.wallet_id, amount))


def charge_sale(books: Books, data: SellCharge, transaction_id: str) -> Posting:
    """Money spent on a phone charge."""
    wallet = _existing(books.look(data.wallet_id), data.wallet_id)
    _same_currency(wallet, data.currency)
    amount = _minor(data.amount, wallet)
    _active(wallet)
    _funds(wallet, amount)
    return _pay(books, data.wallet_id, WORLD_SALES, amount, transaction_id)


def transfer(books: Books, data: Transfer, transaction_id: str) -> Posting:
    """Money from one wallet to another of the same currency."""
    own, other = books.look(data.wallet_id), books.look(data.to_wallet_id)
    if data.wallet_id == data.to_wallet_id:
        raise Refused(Code.SAME_WALLET, "to_wallet_id")
    own = _existing(own, data.wallet_id)
    other = _existing(other, data.to_wallet_id, "to_wallet_id")
    _same_currency(own, data.currency)
    _same_currency(other, own.currency, "to_wallet_id")
    amount = _minor(data.amount, own)
    _active(own)
    _active(other, "to_wallet_id")
    _funds(own, amount)
    _room(other, amount)
    return _pay(books, data.wallet_id, data.to_wallet_id, amount, transaction_id)


def refund(books: Books, data: Refund, _transaction_id: str) -> Posting:
    """Give back what the wallet paid: all that is left, or a part of it."""
    wallet = _existing(books.look(data.wallet_id), data.wallet_id)
    payment = books.payments.get(data.transaction_id)
    if payment is None or payment.payer != data.wallet_id:
        context = {"transaction_id": data.transaction_id}
        raise Refused(Code.TRANSACTION_NOT_FOUND, "transaction_id", context)
    receiver = None if is_world(payment.receiver) else books.look(payment.receiver)
    _same_currency(wallet, data.currency)
    asked = None if data.amount is None else _minor(data.amount, wallet)
    _active(wallet)
    if receiver is not None:
        _active(receiver)
    amount = _refundable(payment, asked, wallet.currency)
    if receiver is not None:
        _funds(receiver, amount)
    _room(wallet, amount)
    payment.refunded_minor += amount
    return books.post((payment.receiver, -amount), (data.wallet_id, amount))


def _existing(wallet: Wallet | None, wallet_id: str, param: str = "wallet_id") -> Wallet:
    if wallet is None:
        raise Refused(Code.WALLET_NOT_FOUND, param, {"wallet_id": wallet_id})
    return wallet


def _same_currency(wallet: Wallet, given: str | None, param: str = "currency") -> None:
    if given is not None and given != wallet.currency:
        context = {"wallet_id": wallet.wallet_id, "held": wallet.currency, "given": given}
        raise Refused(Code.CURRENCY_MISMATCH, param, context)


def _minor(amount: str, wallet: Wallet) -> int:
    try:
        return money.parse(amount, wallet.currency)
    except money.AmountError as error:
        raise Refused(Code(error.code), "amount", {}, str(error)) from error


def _active(wallet: Wallet, param: str = "wallet_id") -> None:
    if wallet.status != "active":
        context = {"wallet_id": wallet.wallet_id, "status": wallet.status}
        raise Refused(Code.WALLET_NOT_ACTIVE, param, context)


def _funds(wallet: Wallet, amount: int) -> None:
    if wallet.balance_minor < amount:
        numbers = (wallet.balance_minor, amount, amount - wallet.balance_minor)
        texts = [show(minor, wallet.currency) for minor in numbers]
        context = dict(zip(("available", "required", "shortage"), texts, strict=True))
        raise Refused(Code.INSUFFICIENT_FUNDS, "amount", context)


def _room(wallet: Wallet, amount: int) -> None:
    if wallet.balance_minor + amount > money.MAX_MINOR:
        raise Refused(Code.AMOUNT_TOO_LARGE, "amount")


def _refundable(payment: Payment, asked: int | None, currency: str) -> int:
    left = payment.amount_minor - payment.refunded_minor
    amount = left if asked is None else asked
    if amount > left or left == 0:
        numbers = (payment.amount_minor, payment.refunded_minor, left)
        texts = [show(minor, currency) for minor in numbers]
        context = dict(zip(("paid", "refunded", "refundable"), texts, strict=True))
        raise Refused(Code.ALREADY_REFUNDED, "amount", context)
    return amount


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
}
"""One rule for each command type of schemas.commands.TYPES."""
