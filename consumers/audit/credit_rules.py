"""The auditor's own rules of credit requests, written from the contract and not from streams.

A wallet asks for money; somebody says yes or no, once. As in `rules`, all checks come first, in
order of precedence.
"""

from consumers.audit.books import Books, CreditRequest, Move, Posting, Refused, Wallet
from consumers.audit.checks import active, existing, minor, room, same_currency
from schemas.accounts import WORLD_CREDIT
from schemas.commands import ApproveCreditRequest, CreateCreditRequest, RejectCreditRequest
from schemas.refusals import Code

Named = ApproveCreditRequest | RejectCreditRequest
"""A command that names a credit request which is there already."""


def create(books: Books, data: CreateCreditRequest, transaction_id: str) -> Posting:
    """Ask; no money moves. Its number says where its command stands in the topic, from 1."""
    wallet = existing(books.look(data.wallet_id), data.wallet_id)
    same_currency(wallet, data.currency)
    amount = minor(data.amount, wallet)
    active(wallet)
    partition, offset, now_ms = books.at
    number = offset * books.partitions + partition + 1
    books.credit_requests[transaction_id] = books.about = CreditRequest(
        transaction_id, data.wallet_id, amount, wallet.currency, number, now_ms, now_ms
    )
    return books.post((data.wallet_id, 0))


def approve(books: Books, data: ApproveCreditRequest, _transaction_id: str) -> Posting:
    """The wallet gets what it asked for."""
    wallet, request = _own(books, data)
    amount = request.amount_minor
    room(wallet, amount)
    active(wallet)
    _must_be_pending(request)
    return _end(books, data, "approved", (WORLD_CREDIT, -amount), (data.wallet_id, amount))


def reject(books: Books, data: RejectCreditRequest, _transaction_id: str) -> Posting:
    """The wallet gets nothing, whatever its status is by now."""
    _, request = _own(books, data)
    _must_be_pending(request)
    return _end(books, data, "rejected", (data.wallet_id, 0))


def _own(books: Books, data: Named) -> tuple[Wallet, CreditRequest]:
    """The command's wallet and the credit request it names, which must be that wallet's."""
    wallet = existing(books.look(data.wallet_id), data.wallet_id)
    request = books.credit_requests.get(data.credit_request_id)
    if request is None or request.wallet_id != data.wallet_id:
        context = {"credit_request_id": data.credit_request_id}
        raise Refused(Code.CREDIT_REQUEST_NOT_FOUND, "credit_request_id", context)
    return wallet, request


def _must_be_pending(request: CreditRequest) -> None:
    if request.status != "pending":
        context = {"credit_request_id": request.credit_request_id, "status": request.status}
        raise Refused(Code.CREDIT_REQUEST_NOT_PENDING, "credit_request_id", context)


def _end(books: Books, data: Named, status: str, *moves: Move) -> Posting:
    """Say yes or no, with the posting that goes with it."""
    request = books.credit_requests[data.credit_request_id]
    request.status, request.by, request.reason = status, data.by, data.reason
    request.changed_at_ms = books.at.timestamp_ms
    books.about = request
    return books.post(*moves)
