"""The bodies of service 002's answers."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from producers.http.moments import of_text
from producers.http.seeds.reading002 import Change, Person
from schemas import identifiers, receipts
from schemas.money import show


class TransferBody(BaseModel):
    """A transfer; `receipt_url` leads to its receipt as soon as it is made."""

    message: Literal["Transfer successful"]
    transaction_id: int
    sender_balance: str = Field(examples=["50.00"])
    amount: str
    receiver_id: int
    receipt_url: str


class BalanceBody(BaseModel):
    """What a user has."""

    user_id: int
    username: str
    balance: str = Field(examples=["100.00"])


class DepositBody(BaseModel):
    """What a user has after a deposit."""

    message: Literal["Deposit successful"]
    balance: str


class ReceivedBody(BaseModel):
    """A transfer, from one of its two sides. `receipt_path` is null until the receipt is made.

    The counterparty is a username; of a wallet without a user its id, and no `counterparty_id`.
    """

    id: int
    type: Literal["sent", "received"]
    counterparty: str
    counterparty_id: int | None
    amount: str
    timestamp: str
    receipt_path: str | None


class TransactionsBody(BaseModel):
    """Transfers, the newest first, and how many are shown."""

    transactions: list[ReceivedBody]
    count: int


class PersonBody(BaseModel):
    """Somebody to whom money can be sent."""

    id: int
    username: str


class PeopleBody(BaseModel):
    """The users."""

    users: list[PersonBody]


class Failure(BaseModel):
    """Why not: a sentence, or sentences by field."""

    error: str | dict[str, list[str]]


def receipt_path(name: str) -> str:
    """Where a receipt is shown."""
    return f"/media/receipts/{name}"


def name_of(change: Change, partitions: int) -> str:
    """The name of the receipt of a transfer."""
    return receipts.name_of(_number(change, partitions), change.recorded_at)


def transaction_body(
    change: Change, person: Person | None, partitions: int, *, has_receipt: bool
) -> dict[str, Any]:
    """A transfer as one side sees it; `person` is the other side, where it is a user's."""
    return {
        "id": _number(change, partitions),
        "type": "sent" if change.amount_minor < 0 else "received",
        "counterparty": person.username if person else change.other,
        "counterparty_id": person.id if person else None,
        "amount": show(abs(change.amount_minor), change.currency),
        "timestamp": of_text(change.recorded_at),
        "receipt_path": receipt_path(name_of(change, partitions)) if has_receipt else None,
    }


def _number(change: Change, partitions: int) -> int:
    return identifiers.number(change.offset, change.partition, partitions)
