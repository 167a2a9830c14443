"""The rules of money: decide(command, its moment, books) -> a posting or a refusal.

Pure: a decision depends on the command's record and on the wallets it touches, never on a clock
or on chance, so that a replay decides the same. Refusals by precedence (schemas.refusals.Code).
"""

from collections.abc import Callable
from typing import Any, Final

from schemas import money
from schemas.accounts import WORLD_DEPOSITS, WORLD_SALES
from schemas.commands import (
    ApproveCreditRequest,
    Command,
    CreateCreditRequest,
    CreateWallet,
    Deposit,
    Exchange,
    Refund,
    RejectCreditRequest,
    SellCharge,
    SetWalletStatus,
    Transfer,
)
from schemas.moments import in_milliseconds, of_broker
from schemas.money import MAX_MINOR
from schemas.refusals import Code, Refusal
from streams import crediting, exchanging, withdrawing
from streams.books import ACTIVE, Books, Decision, Entry, Payment, Posting, Wallet
from streams.refusing import amount_of, both_of, insufficient, mismatch, not_active, not_found


def decide(command: Command, recorded_at_ms: int, books: Books) -> Decision:
    """What becomes of a command recorded at this broker timestamp. Changes nothing."""
    if command.expires_at is not None and has_expired(command, recorded_at_ms):
        expiry, moment = in_milliseconds(command.expires_at), of_broker(recorded_at_ms)
        context = {"expirytime": expiry, "recorded_at": moment}
        return Refusal(Code.COMMAND_EXPIRED, "expirytime", context)
    rule = _RULES.get(type(command.data))
    if rule is not None:
        return rule(command.data, books)
    if type(command.data) in _CREDIT:
        return crediting.decide(command, recorded_at_ms, books)
    return withdrawing.decide(command, recorded_at_ms, books)


def has_expired(command: Command, recorded_at_ms: int) -> bool:
    """Whether the command came after its expiry time; then it looks at no wallet."""
    if command.expires_at is None:
        return False
    return command.expires_at.timestamp() * 1000 < recorded_at_ms


def looked_at(command: Command, recorded_at_ms: int, books: Books) -> tuple[str, ...]:
    """The wallets a decision on this command depends on, its own first."""
    if command.expires_at is not None and has_expired(command, recorded_at_ms):
        return ()
    data = command.data
    if isinstance(data, _PAYING):
        other = data.to_wallet_id
        return (data.wallet_id,) if other is None else (data.wallet_id, other)
    if isinstance(data, Refund):
        payment = books.payments.get(data.transaction_id)
        theirs = payment is not None and payment.payer == data.wallet_id
        if payment is not None and theirs and payment.payee != WORLD_SALES:
            return (data.wallet_id, payment.payee)
    if type(data) not in _RULES and type(data) not in _CREDIT:
        return withdrawing.looked_at(data, books)
    return (data.wallet_id,)


def _create(data: CreateWallet, books: Books) -> Decision:
    if data.wallet_id in books.wallets:
        return Refusal(Code.WALLET_EXISTS, "wallet_id", {"wallet_id": data.wallet_id})
    return Posting((Entry(data.wallet_id, 0),), data.currency)


def _set_status(data: SetWalletStatus, books: Books) -> Decision:
    wallet = books.wallets.get(data.wallet_id)
    if wallet is None:
        return not_found(data.wallet_id)
    if data.if_sequence is not None and data.if_sequence != wallet.sequence:
        numbers = {"sequence": str(wallet.sequence), "if_sequence": str(data.if_sequence)}
        context = {"wallet_id": data.wallet_id, **numbers}
        return Refusal(Code.SEQUENCE_MISMATCH, "if_sequence", context)
    return Posting((Entry(data.wallet_id, 0),), wallet.currency, status=data.status)


def _deposit(data: Deposit, books: Books) -> Decision:
    taken = _active(data, books)
    if isinstance(taken, Refusal):
        return taken
    wallet, amount = taken
    if wallet.balance_minor + amount > MAX_MINOR:
        return Refusal(Code.AMOUNT_TOO_LARGE, "amount")
    entries = (Entry(WORLD_DEPOSITS, -amount), Entry(data.wallet_id, amount))
    return Posting(entries, wallet.currency)


def _sell_charge(data: SellCharge, books: Books) -> Decision:
    if data.to_wallet_id is not None:
        return _pay(data, data.to_wallet_id, books)
    taken = _active(data, books)
    if isinstance(taken, Refusal):
        return taken
    wallet, amount = taken
    if wallet.balance_minor < amount:
        return insufficient(wallet, amount)
    entries = (Entry(data.wallet_id, -amount), Entry(WORLD_SALES, amount))
    return Posting(entries, wallet.currency, payable_back=True)


def _transfer(data: Transfer, books: Books) -> Decision:
    return _pay(data, data.to_wallet_id, books)


def _pay(data: Transfer | SellCharge, to_wallet_id: str, books: Books) -> Decision:
    """From one wallet to another."""
    both = both_of(data.wallet_id, to_wallet_id, books)
    if isinstance(both, Refusal):
        return both
    sender, receiver = both
    amount = amount_of(data.amount, data.currency, sender, receiver)
    if isinstance(amount, Refusal):
        return amount
    if sender.status != ACTIVE:
        return not_active(sender)
    if receiver.status != ACTIVE:
        return not_active(receiver, "to_wallet_id")
    if sender.balance_minor < amount:
        return insufficient(sender, amount)
    if receiver.balance_minor + amount > MAX_MINOR:
        return Refusal(Code.AMOUNT_TOO_LARGE, "amount")
    entries = (Entry(data.wallet_id, -amount), Entry(to_wallet_id, amount))
    return Posting(entries, sender.currency, payable_back=True)


def _refund(data: Refund, books: Books) -> Decision:  # noqa: C901 - a list, by precedence
    wallet = books.wallets.get(data.wallet_id)
    if wallet is None:
        return not_found(data.wallet_id)
    payment = books.payments.get(data.transaction_id)
    if payment is None or payment.payer != data.wallet_id:
        context = {"transaction_id": data.transaction_id}
        return Refusal(Code.TRANSACTION_NOT_FOUND, "transaction_id", context)
    refundable = payment.paid_minor - payment.refunded_minor
    amount = _refund_amount(data, wallet, refundable)
    if isinstance(amount, Refusal):
        return amount
    payee = books.wallets.get(payment.payee)
    for side in (wallet, payee):
        if side is not None and side.status != ACTIVE:
            return not_active(side)
    if amount > refundable or refundable == 0:
        return _already_refunded(payment)
    if payee is not None and payee.balance_minor < amount:
        return insufficient(payee, amount)
    if wallet.balance_minor + amount > MAX_MINOR:
        return Refusal(Code.AMOUNT_TOO_LARGE, "amount")
    entries = (Entry(payment.payee, -amount), Entry(data.wallet_id, amount))
    return Posting(entries, wallet.currency, refund_of=payment)


def _refund_amount(data: Refund, wallet: Wallet, refundable: int) -> int | Refusal:
    """The amount asked for, or all that is left."""
    if data.amount is not None:
        return amount_of(data.amount, data.currency, wallet)
    if data.currency is not None and data.currency != wallet.currency:
        return mismatch(wallet, data.currency)
    return refundable


def _active(data: Deposit | SellCharge, books: Books) -> tuple[Wallet, int] | Refusal:
    """The command's wallet, which must be there and active, and the amount in its currency."""
    wallet = books.wallets.get(data.wallet_id)
    if wallet is None:
        return not_found(data.wallet_id)
    amount = amount_of(data.amount, data.currency, wallet)
    if isinstance(amount, Refusal):
        return amount
    return (wallet, amount) if wallet.status == ACTIVE else not_active(wallet)


def _already_refunded(payment: Payment) -> Refusal:
    numbers = {
        "paid": payment.paid_minor,
        "refunded": payment.refunded_minor,
        "refundable": payment.paid_minor - payment.refunded_minor,
    }
    context = {name: money.show(minor, payment.currency) for name, minor in numbers.items()}
    return Refusal(Code.ALREADY_REFUNDED, "amount", context)


_RULES: Final[dict[type, Callable[[Any, Books], Decision]]] = {
    CreateWallet: _create,
    SetWalletStatus: _set_status,
    Deposit: _deposit,
    SellCharge: _sell_charge,
    Transfer: _transfer,
    Refund: _refund,
    Exchange: exchanging.decide,
}
_PAYING: Final = (Transfer, SellCharge, Exchange)
_CREDIT: Final = (CreateCreditRequest, ApproveCreditRequest, RejectCreditRequest)
