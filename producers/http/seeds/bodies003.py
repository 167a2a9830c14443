"""The bodies of service 003's answers. Amounts are decimal strings, ids are integers."""

from typing import Any, Final, Literal

import msgspec
from pydantic import BaseModel

from producers.http.moments import of_id, of_text, shown
from producers.http.seeds.reading003 import Books, CreditRow, PhoneRow, SellerRow
from producers.http.seeds.reading003_moves import TYPES, Move
from schemas import results
from schemas.identifiers import number
from schemas.money import DEFAULT_CURRENCY, show
from schemas.results import AnyResult

_TYPE_NAMES: Final = {command: name for name, command in TYPES.items()}
_PHONE_DIGITS: Final = (10, 15)


class SellerBody(BaseModel):
    """A seller."""

    id: int
    name: str
    email: str
    phone: str
    credit_balance: str
    is_active: bool
    created_at: str
    updated_at: str


class BalanceBody(BaseModel):
    """What a seller has."""

    seller_id: int
    name: str
    credit_balance: str


class ReconcileBody(BaseModel):
    """Whether a seller's balance is the sum of its transactions."""

    seller_id: int
    name: str
    current_balance: str
    calculated_from_transactions: str
    is_reconciled: bool
    difference: str
    total_transactions: int


class CreditRequestBody(BaseModel):
    """A credit request."""

    id: int
    seller: int
    seller_name: str
    amount: str
    status: Literal["pending", "approved", "rejected"]
    requested_at: str
    processed_at: str | None
    processed_by: str | None
    notes: str


class ProcessedBody(BaseModel):
    """What was done with a credit request."""

    status: str
    message: str
    credit_request: CreditRequestBody


class SaleBody(BaseModel):
    """A sale that was done."""

    status: str
    message: str
    transaction_id: int
    seller_id: int
    phone_number: str
    amount: str
    new_balance: str


class TransactionBody(BaseModel):
    """A change of a seller's balance; the amount of a sale is negative."""

    id: int
    seller: int
    seller_name: str
    transaction_type: str
    amount: str
    balance_after: str
    credit_request: int | None
    phone_number: int | None
    phone_number_value: str | None
    description: str
    created_at: str


class PhoneBody(BaseModel):
    """A phone, and what it was charged with in all."""

    id: int
    number: str
    total_charged: str
    created_at: str


class _Details(msgspec.Struct, frozen=True):
    phone_number: str | None = None


_details_of: Final = msgspec.json.Decoder(_Details).decode


def seller_body(row: SellerRow) -> dict[str, Any]:
    """A seller as it is now."""
    return {
        "id": row.number,
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "credit_balance": show(row.balance_minor, row.currency),
        "is_active": row.is_active,
        "created_at": shown(row.created_at),
        "updated_at": shown(row.updated_at),
    }


def balance_body(row: SellerRow) -> dict[str, Any]:
    """What a seller has now."""
    balance = show(row.balance_minor, row.currency)
    return {"seller_id": row.number, "name": row.name, "credit_balance": balance}


def reconcile_body(books: Books) -> dict[str, Any]:
    """A seller's balance beside its journal."""
    difference = books.balance_minor - books.sum_minor
    return {
        "seller_id": books.number,
        "name": books.name,
        "current_balance": show(books.balance_minor, books.currency),
        "calculated_from_transactions": show(books.sum_minor, books.currency),
        "is_reconciled": difference == 0,
        "difference": show(difference, books.currency),
        "total_transactions": books.transactions,
    }


def credit_body(row: CreditRow) -> dict[str, Any]:
    """A credit request as it is now."""
    return {
        "id": row.number,
        "seller": row.seller,
        "seller_name": row.seller_name,
        "amount": show(row.amount_minor, row.currency),
        "status": row.status,
        "requested_at": shown(row.requested_at),
        "processed_at": None if row.status == "pending" else shown(row.changed_at),
        "processed_by": row.by,
        "notes": row.reason or "",
    }


def requested_body(result: AnyResult, seller: SellerRow) -> dict[str, Any]:
    """A credit request that a command has made."""
    made = result.credit_request
    assert made is not None
    return {
        "id": made.number,
        "seller": seller.number,
        "seller_name": seller.name,
        "amount": made.amount,
        "status": made.status,
        "requested_at": of_text(result.recorded_at),
        "processed_at": None,
        "processed_by": None,
        "notes": "",
    }


def processed_body(result: AnyResult, row: CreditRow) -> dict[str, Any]:
    """A credit request as a command has left it, which `row` tells as it was before."""
    done = result.credit_request
    assert done is not None
    words = f"Credit request {done.status} successfully"
    body = {
        **credit_body(row),
        "status": done.status,
        "processed_at": of_text(result.recorded_at),
        "processed_by": done.by,
        "notes": done.reason or "",
    }
    return {"status": "success", "message": words, "credit_request": body}


def transaction_body(move: Move, partitions: int) -> dict[str, Any]:
    """A transaction that was read."""
    result = results.decode(move.result)
    kind = _TYPE_NAMES.get(result.command.type or "", _kind(result.command.type or ""))
    phone = _details_of(move.details).phone_number if move.details else None
    credit = result.credit_request.number if result.credit_request else None
    return {
        "id": number(move.offset, move.partition, partitions),
        "seller": move.seller,
        "seller_name": move.seller_name,
        "transaction_type": kind,
        "amount": show(move.amount_minor, move.currency),
        "balance_after": show(move.balance_minor, move.currency),
        "credit_request": credit,
        "phone_number": phone_id(digits_of(phone)) if phone else None,
        "phone_number_value": digits_of(phone) if phone else None,
        "description": _description(kind, credit, phone),
        "created_at": shown(of_id(move.transaction_id)),
    }


def phone_body(row: PhoneRow) -> dict[str, Any]:
    """A phone as it is now."""
    return {
        "id": phone_id(row.phone_number),
        "number": row.phone_number,
        "total_charged": show(row.total_minor, DEFAULT_CURRENCY),  # every seller's wallet has it
        "created_at": shown(row.first_at),
    }


def phone_id(digits: str) -> int:
    """The integer that names a phone: a 1 and its digits, so that a leading 0 counts."""
    return int(f"1{digits}")


def phone_of(named: int) -> str | None:
    """The digits of the phone that an integer names; None where it can name none."""
    text = str(named)
    fewest, most = _PHONE_DIGITS
    return text[1:] if text[0] == "1" and fewest <= len(text) - 1 <= most else None


def digits_of(phone: str) -> str:
    """The digits of a phone number as commands have it."""
    return phone.removeprefix("+")


def _kind(command_type: str) -> str:
    return command_type.removesuffix(".v1").replace(".", "_")


def _description(kind: str, credit: int | None, phone: str | None) -> str:
    if phone:
        return f"Charge sale to {digits_of(phone)}"
    if kind == "credit_increase":
        return f"Credit increase by request #{credit}"
    return kind.replace("_", " ").capitalize()
