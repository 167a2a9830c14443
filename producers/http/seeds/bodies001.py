"""The bodies of service 001's answers."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

from producers.http.moments import of_text, shown
from producers.http.reading_wallets import WalletRow
from producers.http.seeds.reading001 import STATUSES, TransactionRow, WithdrawalFacts
from schemas.identifiers import number
from schemas.money import DECIMALS
from schemas.results import AnyResult

BANK_PAID: Final = {"data": "success", "status": 200}
INSUFFICIENT: Final = {"error": "Insufficient balance"}


class Failure(BaseModel):
    """Why not."""

    error: str


class WalletBody(BaseModel):
    """A wallet; the balance is in minor units."""

    uuid: str
    balance: int
    created_at: str
    updated_at: str


class TransactionBody(BaseModel):
    """A deposit or a withdrawal; the amount is in minor units."""

    id: int
    wallet_uuid: str
    amount: int
    transaction_type: Literal["DEPOSIT", "WITHDRAWAL"]
    status: Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED"]
    scheduled_for: str | None
    executed_at: str | None
    third_party_response: dict[str, Any] | None
    retry_count: int
    created_at: str
    updated_at: str


class DepositAnswer(BaseModel):
    """The wallet after a deposit, and the deposit."""

    wallet: WalletBody
    transaction: TransactionBody


def wallet_body(wallet: WalletRow) -> dict[str, Any]:
    """A wallet as it is now."""
    return _wallet(
        wallet.wallet_id, wallet.balance_minor, shown(wallet.created_at), shown(wallet.updated_at)
    )


def wallet_after(result: AnyResult, created_at: datetime) -> dict[str, Any]:
    """A wallet as a command has left it."""
    assert result.wallet_id is not None
    updated_at = of_text(result.recorded_at)
    return _wallet(result.wallet_id, _balance_minor(result), shown(created_at), updated_at)


def deposited(result: AnyResult, amount_minor: int, partitions: int) -> dict[str, Any]:
    """The transaction of a deposit that was done."""
    moment = of_text(result.recorded_at)
    return _transaction(
        _number(result, partitions), result.wallet_id, amount_minor, "DEPOSIT", "COMPLETED",
        executed_at=moment, created_at=moment, updated_at=moment,
    )  # fmt: skip


def scheduled(result: AnyResult, amount_minor: int, due_at: str, partitions: int) -> dict[str, Any]:
    """The transaction of a withdrawal that was scheduled."""
    moment = of_text(result.recorded_at)
    return _transaction(
        _number(result, partitions), result.wallet_id, amount_minor, "WITHDRAWAL", "PENDING",
        scheduled_for=due_at, created_at=moment, updated_at=moment,
    )  # fmt: skip


def of_row(row: TransactionRow, wallet_id: str, partitions: int) -> dict[str, Any]:
    """A transaction that was read."""
    own_number, moment = number(row.offset, row.partition, partitions), shown(row.recorded_at)
    if row.withdrawal is not None:
        return _withdrawal(own_number, wallet_id, row.withdrawal, moment)
    kind = "DEPOSIT" if row.amount_minor > 0 else "WITHDRAWAL"
    return _transaction(
        own_number, wallet_id, abs(row.amount_minor), kind, "COMPLETED",
        executed_at=moment, created_at=moment, updated_at=moment,
    )  # fmt: skip


def _withdrawal(
    own_number: int, wallet_id: str, withdrawal: WithdrawalFacts, created_at: str
) -> dict[str, Any]:
    changed_at = shown(withdrawal.changed_at)
    return _transaction(
        own_number,
        wallet_id,
        withdrawal.amount_minor,
        "WITHDRAWAL",
        next(name for name, ours in STATUSES.items() if withdrawal.status in ours),
        scheduled_for=shown(withdrawal.due_at),
        executed_at=changed_at if withdrawal.status in {"paid", "failed"} else None,
        third_party_response=_response(withdrawal),
        retry_count=max(withdrawal.calls - 1, 0),
        created_at=created_at,
        updated_at=changed_at,
    )


def _response(withdrawal: WithdrawalFacts) -> dict[str, Any] | None:
    """What the bank said, as well as it can be told."""
    if withdrawal.status == "paid":
        return BANK_PAID
    if withdrawal.reason is None:
        return None
    if withdrawal.reason.startswith("Insufficient funds."):
        return INSUFFICIENT
    return {"error": withdrawal.reason}


def _wallet(uuid: str, balance_minor: int, created_at: str, updated_at: str) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "balance": balance_minor,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def _transaction(  # noqa: PLR0913 - its fields
    own_number: int,
    wallet_id: str | None,
    amount_minor: int,
    kind: str,
    status: str,
    *,
    created_at: str,
    updated_at: str,
    scheduled_for: str | None = None,
    executed_at: str | None = None,
    third_party_response: dict[str, Any] | None = None,
    retry_count: int = 0,
) -> dict[str, Any]:
    return {
        "id": own_number,
        "wallet_uuid": wallet_id,
        "amount": amount_minor,
        "transaction_type": kind,
        "status": status,
        "scheduled_for": scheduled_for,
        "executed_at": executed_at,
        "third_party_response": third_party_response,
        "retry_count": retry_count,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def _number(result: AnyResult, partitions: int) -> int:
    return number(result.command.offset, result.command.partition, partitions)


def _balance_minor(result: AnyResult) -> int:
    assert result.balance is not None
    assert result.currency is not None
    assert len(result.balance.partition(".")[2]) == DECIMALS[result.currency]
    return int(result.balance.replace(".", ""))  # it has all its decimals
