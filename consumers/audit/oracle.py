"""The oracle: what the ledger must answer to a record, given all records answered before it.

Pure: it reads no clock, no chance, no database. Replayed in the order that the wallets' sequences
tell, its results and events must equal the ledger's byte for byte (invariant I10).
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from consumers.audit.answers import Answers
from consumers.audit.books import (
    DAY_MS,
    Books,
    CreditRequest,
    Place,
    Posting,
    Refused,
    Withdrawal,
    told_at,
)
from consumers.audit.rules import RULES
from schemas import moments
from schemas.accounts import is_world
from schemas.commands import Command, SellCharge, SetWalletStatus, kind_of
from schemas.decoding import Decoded, RefusedCommand, Unreadable
from schemas.events import Balance, EntryBody, Event, TransactionBody
from schemas.identifiers import transaction_id
from schemas.money import show
from schemas.refusals import Code, Refusal
from schemas.results import (
    CommandRef,
    Completed,
    CreditRequestBody,
    Rejected,
    Result,
    WithdrawalBody,
    error_of,
)

Readable = Command | RefusedCommand


class Answer(NamedTuple):
    """The one result of a command and its events: one for each wallet it changed."""

    result: Result
    events: tuple[Event, ...] = ()


class Oracle:
    """Answers records one by one; `topic` is the commands topic, of so many `partitions`.

    A withdrawal may be scheduled for `horizon_days` ahead at most.
    """

    def __init__(self, topic: str, horizon_days: int = 366, partitions: int = 1) -> None:
        self.topic: Final = topic
        self.books: Final = Books(horizon_days * DAY_MS, partitions)
        self.answers: Final = Answers()

    def answer(self, decoded: Decoded, place: Place) -> Answer | None:
        """The answer to a record; None where the ledger stays silent (unreadable, repeated).

        The time in `place` is the ledger's now: the broker's, unless its clock was moved.
        """
        if isinstance(decoded, Unreadable):
            return None
        if self.answers.knows(decoded.key, decoded.fingerprint):
            return None
        if not self.answers.add(decoded.key, decoded.fingerprint):
            reused = Refusal(Code.IDEMPOTENCY_KEY_REUSED, "id", {"id": decoded.id})
            return Answer(self._reject(decoded, place, reused, {}))
        if isinstance(decoded, RefusedCommand):
            return Answer(self._reject(decoded, place, decoded.refusal, {}))
        return self._decide(decoded, place)

    def _decide(self, command: Command, place: Place) -> Answer:
        expired = _expiry(command, place)
        if expired is not None:
            return Answer(self._reject(command, place, expired, {}))
        self.books.begin(place)
        name = transaction_id(place.timestamp_ms, place.partition, place.offset, command.name)
        try:
            posting = RULES[command.type](self.books, command.data, name)
        except Refused as refused:
            looked = self.books.sequences()
            return Answer(self._reject(command, place, refused.refusal, looked))
        return self._complete(command, place, name, posting)

    def _reject(
        self, command: Readable, place: Place, refusal: Refusal, looked: dict[str, int]
    ) -> Rejected:
        wallet_id = command.data.wallet_id if isinstance(command, Command) else command.wallet_id
        recorded_at = moments.of_broker(place.timestamp_ms)
        reference = self._reference(command, place)
        return Rejected(reference, "rejected", wallet_id, error_of(refusal), recorded_at, looked)

    def _complete(self, command: Command, place: Place, name: str, posting: Posting) -> Answer:
        recorded_at = moments.of_broker(place.timestamp_ms)
        reference = self._reference(command, place)
        wallet = self.books.wallets[command.data.wallet_id]
        about = self.books.about
        result = Completed(
            reference,
            "completed",
            wallet.wallet_id,
            wallet.currency,
            show(wallet.balance_minor, wallet.currency),
            wallet.sequence,
            name,
            recorded_at,
            self.books.sequences(),
            withdrawal_body(about) if isinstance(about, Withdrawal) else None,
            credit_request_body(about) if isinstance(about, CreditRequest) else None,
        )
        transaction = _transaction(command, name, recorded_at)
        return Answer(result, self._events(result, transaction, posting))

    def _events(
        self, result: Completed, transaction: TransactionBody, posting: Posting
    ) -> tuple[Event, ...]:
        own = result.currency
        moved = [entry for entry in posting if entry.amount_minor]
        moved.sort(key=lambda each: told_at(own, each.currency, each.amount_minor, each.account))
        entries = [EntryBody(name, show(amount, held), held) for name, amount, held in moved]
        found = []
        for account, amount, currency in posting:
            if not is_world(account):
                wallet = self.books.wallets[account]
                before = show(wallet.balance_minor - amount, currency)
                balance = Balance(before, show(wallet.balance_minor, currency))
                found.append(
                    Event(
                        account,
                        wallet.sequence,
                        currency,
                        transaction,
                        entries,
                        balance,
                        result.command,
                        result.withdrawal,
                        result.credit_request,
                    )
                )
        return tuple(found)

    def _reference(self, command: Readable, place: Place) -> CommandRef:
        return CommandRef(
            command.source, command.id, command.type, self.topic, place.partition, place.offset
        )


def withdrawal_body(withdrawal: Withdrawal) -> WithdrawalBody:
    """A withdrawal as results and events tell it."""
    return WithdrawalBody(
        withdrawal.withdrawal_id,
        withdrawal.status,
        show(withdrawal.amount_minor, withdrawal.currency),
        withdrawal.currency,
        moments.of_broker(withdrawal.due_at_ms),
        withdrawal.target,
        withdrawal.reason,
    )


def credit_request_body(request: CreditRequest) -> CreditRequestBody:
    """A credit request as results and events tell it."""
    return CreditRequestBody(
        request.credit_request_id,
        request.number,
        request.status,
        show(request.amount_minor, request.currency),
        request.currency,
        request.by,
        request.reason,
    )


def _transaction(command: Command, name: str, recorded_at: str) -> TransactionBody:
    data = command.data
    at = data.effective_at
    return TransactionBody(
        name,
        kind_of(command.type),
        recorded_at if at is None else moments.in_milliseconds(at),
        recorded_at,
        data.reference,
        data.metadata or {},
        data.status if isinstance(data, SetWalletStatus) else None,
        data.phone_number if isinstance(data, SellCharge) else None,
    )


def _expiry(command: Command, place: Place) -> Refusal | None:
    """The refusal of a command recorded after its expiry time."""
    at = command.expires_at
    if at is None:
        return None
    seconds, milliseconds = divmod(place.timestamp_ms, 1000)
    recorded = datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)
    if at >= recorded:
        return None
    context = {
        "expirytime": moments.in_milliseconds(at),
        "recorded_at": moments.of_broker(place.timestamp_ms),
    }
    return Refusal(Code.COMMAND_EXPIRED, "expirytime", context)
