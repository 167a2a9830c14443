"""The bodies of service 004's answers."""

from typing import Any, Final, Literal

from pydantic import BaseModel

from producers.http.moments import of_text, shown
from producers.http.seeds.reading004 import WalletPage, WithdrawalRow
from schemas.money import show
from schemas.results import AnyResult

_STATUSES: Final = {"paid": "SUCCESS", "failed": "FAILED", "cancelled": "FAILED"}
"""The ledger's status -> the service's; all others are PENDING."""

_CANCELLED: Final = "Cancelled."


class WithdrawalBody(BaseModel):
    """A withdrawal; amounts are decimal strings. `error_message` is empty unless it failed."""

    uuid: str
    amount: str
    scheduled_time: str
    status: Literal["PENDING", "SUCCESS", "FAILED"]
    error_message: str
    created: str
    updated: str


class WalletBody(BaseModel):
    """A wallet, where it is found, and the newest withdrawals from it and to it."""

    url: str
    uuid: str
    balance: str
    created: str
    updated: str
    outgoing_transactions: list[WithdrawalBody]
    incoming_transactions: list[WithdrawalBody]


def opened(result: AnyResult, base: str) -> dict[str, Any]:
    """A wallet that a command has opened."""
    moment = of_text(result.recorded_at)
    assert result.wallet_id is not None
    return {
        "url": _url(base, result.wallet_id),
        "uuid": result.wallet_id,
        "balance": result.balance,
        "created": moment,
        "updated": moment,
        "outgoing_transactions": [],
        "incoming_transactions": [],
    }


def wallet_body(page: WalletPage, base: str) -> dict[str, Any]:
    """A wallet as it is now."""
    wallet = page.wallet
    return {
        "url": _url(base, wallet.wallet_id),
        "uuid": wallet.wallet_id,
        "balance": show(wallet.balance_minor, wallet.currency),
        "created": shown(wallet.created_at),
        "updated": shown(wallet.updated_at),
        "outgoing_transactions": [_withdrawal(row) for row in page.outgoing],
        "incoming_transactions": [_withdrawal(row) for row in page.incoming],
    }


def _withdrawal(row: WithdrawalRow) -> dict[str, Any]:
    return {
        "uuid": row.withdrawal_id,
        "amount": show(row.amount_minor, row.currency),
        "scheduled_time": shown(row.due_at),
        "status": _STATUSES.get(row.status, "PENDING"),
        "error_message": _message(row),
        "created": shown(row.created_at),
        "updated": shown(row.changed_at),
    }


def _message(row: WithdrawalRow) -> str:
    """Why it failed; a rule's refusal is a list in Python's spelling, as the service had it."""
    if row.status == "cancelled":
        return _CANCELLED
    if row.status != "failed" or row.reason is None:
        return ""
    return str([row.reason]) if row.reason.startswith("Insufficient funds.") else row.reason


def _url(base: str, wallet_id: str) -> str:
    return f"{base}/api/wallets/{wallet_id}/"
