"""What a run of records asks for, decoded in one pass before the database is touched."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Self

from msgspec import Struct

from schemas.commands import (
    ApproveCreditRequest,
    CancelWithdrawal,
    Command,
    Exchange,
    ExecuteWithdrawal,
    FailWithdrawal,
    Refund,
    RejectCreditRequest,
    ReviewWithdrawal,
    ScheduleWithdrawal,
    SellCharge,
    SettleWithdrawal,
    Transfer,
)
from schemas.decoding import Decoded, RefusedCommand, decode
from streams.rows import Record
from streams.withdrawing import target_wallet


class Item(Struct, frozen=True, gc=False):
    """A record and what it asks for."""

    record: Record
    decoded: Decoded


class Asked:
    """A batch to be: its records in order, and all that they name.

    `keys` dedupe, `wallet_ids` are to be locked, `refundable` are the transactions that refunds
    want to give back, `withdrawals` and `credit_requests` those to be taken a step further.
    """

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.keys: list[str] = []
        self.wallet_ids: set[str] = set()
        self.refundable: set[str] = set()
        self.withdrawals: set[str] = set()
        self.credit_requests: set[str] = set()

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """Decode records of one partition, in order."""
        asked = cls()
        for record in records:
            asked.add(record, decode(record.key, record.value, record.headers))
        return asked

    def add(self, record: Record, decoded: Decoded) -> None:
        """Take up the next record, decoded already."""
        self.items.append(Item(record, decoded))
        if type(decoded) is Command:
            self.keys.append(decoded.key)
            data = decoded.data
            self.wallet_ids.add(data.wallet_id)
            name_others = _OTHERS.get(type(data))
            if name_others is not None:
                name_others(self, data)
        elif isinstance(decoded, RefusedCommand):
            self.keys.append(decoded.key)


def _receiver(asked: Asked, data: Transfer | Exchange) -> None:
    asked.wallet_ids.add(data.to_wallet_id)


def _payment(asked: Asked, data: Refund) -> None:
    asked.refundable.add(data.transaction_id)


def _target(asked: Asked, data: ScheduleWithdrawal) -> None:
    target = target_wallet(data)
    if target is not None:
        asked.wallet_ids.add(target)


def _withdrawal(asked: Asked, data: CancelWithdrawal) -> None:
    asked.withdrawals.add(data.withdrawal_id)


def _phones_owner(asked: Asked, data: SellCharge) -> None:
    if data.to_wallet_id is not None:
        asked.wallet_ids.add(data.to_wallet_id)


def _credit_request(asked: Asked, data: ApproveCreditRequest | RejectCreditRequest) -> None:
    asked.credit_requests.add(data.credit_request_id)


_OTHERS: Final[dict[type, Callable[[Asked, Any], None]]] = {
    Transfer: _receiver,
    Exchange: _receiver,
    SellCharge: _phones_owner,
    Refund: _payment,
    ApproveCreditRequest: _credit_request,
    RejectCreditRequest: _credit_request,
    ScheduleWithdrawal: _target,
    CancelWithdrawal: _withdrawal,
    ExecuteWithdrawal: _withdrawal,
    SettleWithdrawal: _withdrawal,
    FailWithdrawal: _withdrawal,
    ReviewWithdrawal: _withdrawal,
}
"""What a command names besides its own wallet."""
