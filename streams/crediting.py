"""The rules of credit requests: pending -> approved | rejected, once.

A wallet asks, somebody else decides. Pure, as streams.ledger, which asks here.
"""

from msgspec.structs import replace

from schemas.accounts import WORLD_CREDIT
from schemas.commands import (
    ApproveCreditRequest,
    Command,
    CreateCreditRequest,
    RejectCreditRequest,
)
from schemas.money import MAX_MINOR
from schemas.refusals import Code, Refusal
from streams.books import ACTIVE, Books, CreditRequest, Decision, Entry, Posting
from streams.refusing import amount_of, not_active, not_found


def decide(command: Command, now_ms: int, books: Books) -> Decision:
    """What becomes of a command on a credit request, recorded now. Changes nothing."""
    data = command.data
    if isinstance(data, CreateCreditRequest):
        return _create(data, now_ms, books)
    assert isinstance(data, ApproveCreditRequest | RejectCreditRequest), "as streams.ledger says"
    return _process(data, now_ms, books)


def _create(data: CreateCreditRequest, now_ms: int, books: Books) -> Decision:
    wallet = books.wallets.get(data.wallet_id)
    if wallet is None:
        return not_found(data.wallet_id)
    amount = amount_of(data.amount, data.currency, wallet)
    if isinstance(amount, Refusal):
        return amount
    if wallet.status != ACTIVE:
        return not_active(wallet)
    made = CreditRequest(
        credit_request_id="",
        wallet_id=data.wallet_id,
        amount_minor=amount,
        currency=wallet.currency,
        number=0,
        status="pending",
        by=None,
        reason=None,
        requested_at_ms=now_ms,
        changed_at_ms=now_ms,
        opened_status=None,
    )
    return Posting((Entry(data.wallet_id, 0),), wallet.currency, credit_request=made)


def _process(
    data: ApproveCreditRequest | RejectCreditRequest, now_ms: int, books: Books
) -> Decision:
    wallet = books.wallets.get(data.wallet_id)
    if wallet is None:
        return not_found(data.wallet_id)
    found = books.credit_requests.get(data.credit_request_id)
    if found is None or found.wallet_id != data.wallet_id:
        context = {"credit_request_id": data.credit_request_id}
        return Refusal(Code.CREDIT_REQUEST_NOT_FOUND, "credit_request_id", context)
    approves = isinstance(data, ApproveCreditRequest)
    if approves and wallet.balance_minor + found.amount_minor > MAX_MINOR:
        return Refusal(Code.AMOUNT_TOO_LARGE, "amount")
    if approves and wallet.status != ACTIVE:
        return not_active(wallet)
    if found.status != "pending":
        context = {"credit_request_id": found.credit_request_id, "status": found.status}
        return Refusal(Code.CREDIT_REQUEST_NOT_PENDING, "credit_request_id", context)
    status = "approved" if approves else "rejected"
    ended = replace(found, status=status, by=data.by, reason=data.reason, changed_at_ms=now_ms)
    if not approves:
        return Posting((Entry(data.wallet_id, 0),), found.currency, credit_request=ended)
    amount = found.amount_minor
    entries = (Entry(WORLD_CREDIT, -amount), Entry(data.wallet_id, amount))
    return Posting(entries, found.currency, credit_request=ended)
