"""The statuses of a wallet, of a withdrawal and of a credit request."""

from typing import Final

STATUSES: Final = ("active", "deactivated", "suspended")
"""The position of a status is its number in wallets.status."""

WITHDRAWAL_STATUSES: Final = (
    "scheduled",
    "executing",
    "needs_review",
    "paid",
    "failed",
    "cancelled",
)
"""The position of a status is its number in withdrawals.status."""

IN_TRANSIT: Final = ("executing", "needs_review")
"""Statuses in which the money has left the wallet and has not arrived: it is in transit."""

CREDIT_REQUEST_STATUSES: Final = ("pending", "approved", "rejected")
"""The position of a status is its number in credit_requests.status."""

BANK_CALL_STATES: Final = ("sending", "unknown", "not_done", "paid", "refused", "review")
"""The position of a state is its number in bank_calls.state; consumers.bank.policy.State is it."""
