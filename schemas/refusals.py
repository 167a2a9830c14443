"""Every reason why a command can be refused: a closed list, by precedence, with its words.

A refusal is data: the rules give a code, the field at fault and the numbers; the texts live here,
so that a worker, the auditor and the documentation say the same.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec


class Code(StrEnum):
    """Rejection codes in order of precedence: when two hold, the first is told."""

    UNKNOWN_TYPE = "unknown_type"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    INVALID_FIELD = "invalid_field"
    KEY_MISMATCH = "key_mismatch"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    COMMAND_EXPIRED = "command_expired"
    WALLET_EXISTS = "wallet_exists"
    SAME_WALLET = "same_wallet"
    WALLET_NOT_FOUND = "wallet_not_found"
    TARGET_NOT_FOUND = "target_not_found"
    TRANSACTION_NOT_FOUND = "transaction_not_found"
    WITHDRAWAL_NOT_FOUND = "withdrawal_not_found"
    CREDIT_REQUEST_NOT_FOUND = "credit_request_not_found"
    SEQUENCE_MISMATCH = "sequence_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    SAME_CURRENCY = "same_currency"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    AMOUNT_PRECISION = "amount_precision"
    AMOUNT_TOO_LARGE = "amount_too_large"
    DUE_NOT_IN_FUTURE = "due_not_in_future"
    DUE_TOO_FAR = "due_too_far"
    WALLET_NOT_ACTIVE = "wallet_not_active"
    CREDIT_REQUEST_NOT_PENDING = "credit_request_not_pending"
    WITHDRAWAL_NOT_SCHEDULED = "withdrawal_not_scheduled"
    WITHDRAWAL_NOT_DUE = "withdrawal_not_due"
    WITHDRAWAL_NOT_EXECUTING = "withdrawal_not_executing"
    ALREADY_REFUNDED = "already_refunded"
    INSUFFICIENT_FUNDS = "insufficient_funds"


class Refusal(msgspec.Struct, frozen=True):
    """Why a command is refused. `context` holds the numbers as decimal strings."""

    code: Code
    param: str | None = None
    context: Mapping[str, str] = {}
    detail: str | None = None
    """Words for this one case; None takes the code's sentence from DETAILS."""


TITLES: Final[dict[Code, str]] = {
    Code.UNKNOWN_TYPE: "Unknown command type",
    Code.MISSING_FIELD: "Missing field",
    Code.UNKNOWN_FIELD: "Unknown field",
    Code.INVALID_FIELD: "Invalid field",
    Code.KEY_MISMATCH: "Record key is not the wallet id",
    Code.IDEMPOTENCY_KEY_REUSED: "Idempotency key reused",
    Code.COMMAND_EXPIRED: "Command expired",
    Code.WALLET_EXISTS: "Wallet exists",
    Code.SAME_WALLET: "Same wallet",
    Code.WALLET_NOT_FOUND: "Wallet not found",
    Code.TARGET_NOT_FOUND: "Target not found",
    Code.TRANSACTION_NOT_FOUND: "Transaction not found",
    Code.WITHDRAWAL_NOT_FOUND: "Withdrawal not found",
    Code.CREDIT_REQUEST_NOT_FOUND: "Credit request not found",
    Code.SEQUENCE_MISMATCH: "Changed since",
    Code.CURRENCY_MISMATCH: "Currency mismatch",
    Code.SAME_CURRENCY: "Same currency",
    Code.AMOUNT_NOT_POSITIVE: "Amount not positive",
    Code.AMOUNT_PRECISION: "Too many decimals",
    Code.AMOUNT_TOO_LARGE: "Amount too large",
    Code.DUE_NOT_IN_FUTURE: "Due time not in the future",
    Code.DUE_TOO_FAR: "Due time too far away",
    Code.WALLET_NOT_ACTIVE: "Wallet not active",
    Code.CREDIT_REQUEST_NOT_PENDING: "Credit request not pending",
    Code.WITHDRAWAL_NOT_SCHEDULED: "Withdrawal not scheduled",
    Code.WITHDRAWAL_NOT_DUE: "Withdrawal not due",
    Code.WITHDRAWAL_NOT_EXECUTING: "Withdrawal not executing",
    Code.ALREADY_REFUNDED: "Already refunded",
    Code.INSUFFICIENT_FUNDS: "Insufficient funds",
}

DETAILS: Final[dict[Code, str]] = {
    Code.UNKNOWN_TYPE: "No command is called {type}.",
    Code.MISSING_FIELD: "{field} is required.",
    Code.UNKNOWN_FIELD: "{field} is not a field of this command.",
    Code.INVALID_FIELD: "The value is not valid.",
    Code.KEY_MISMATCH: "The record's key is {key}, its wallet_id {wallet_id}. "
    "Send the wallet id as the key.",
    Code.IDEMPOTENCY_KEY_REUSED: "This source has used the id {id} for another command. "
    "Take a new id for new content.",
    Code.COMMAND_EXPIRED: "The command was to be done before {expirytime}, "
    "it was recorded at {recorded_at}.",
    Code.WALLET_EXISTS: "A wallet with the id {wallet_id} exists.",
    Code.SAME_WALLET: "A wallet cannot transfer to itself.",
    Code.WALLET_NOT_FOUND: "There is no wallet with the id {wallet_id}.",
    Code.TARGET_NOT_FOUND: "There is no wallet with the id {target} to pay to.",
    Code.TRANSACTION_NOT_FOUND: "The wallet has paid no transaction {transaction_id}.",
    Code.WITHDRAWAL_NOT_FOUND: "The wallet has no withdrawal {withdrawal_id}.",
    Code.CURRENCY_MISMATCH: "The wallet {wallet_id} holds {held}, the command says {given}.",
    Code.SAME_CURRENCY: "Both wallets hold {currency}; a transfer moves it between them.",
    Code.AMOUNT_NOT_POSITIVE: "Positive value required.",
    Code.AMOUNT_PRECISION: "The amount has more decimals than the currency.",
    Code.AMOUNT_TOO_LARGE: "The amount or the balance it leads to has more than 38 digits.",
    Code.CREDIT_REQUEST_NOT_FOUND: "The wallet has no credit request {credit_request_id}.",
    Code.SEQUENCE_MISMATCH: "The wallet {wallet_id} has had {sequence} changes, not {if_sequence}.",
    Code.DUE_NOT_IN_FUTURE: "Time must be in the future: {due_at} is not after {recorded_at}.",
    Code.DUE_TOO_FAR: "The latest time possible now is {latest}, got {due_at}.",
    Code.WALLET_NOT_ACTIVE: "The wallet {wallet_id} is {status}.",
    Code.CREDIT_REQUEST_NOT_PENDING: "The credit request {credit_request_id} is {status}; only a "
    "pending one can be approved or rejected.",
    Code.WITHDRAWAL_NOT_SCHEDULED: "The withdrawal {withdrawal_id} is {status}; only one that is "
    "scheduled can be executed or cancelled.",
    Code.WITHDRAWAL_NOT_DUE: "The withdrawal {withdrawal_id} is due at {due_at}, it is "
    "{recorded_at}.",
    Code.WITHDRAWAL_NOT_EXECUTING: "The withdrawal {withdrawal_id} is {status}; the bank's answer "
    "is taken while it is executing or needs review.",
    Code.ALREADY_REFUNDED: "{refunded} of {paid} has been refunded, {refundable} is left.",
    Code.INSUFFICIENT_FUNDS: "Insufficient funds. Available balance: {available}. "
    "Required amount: {required}.",
}


def detail_of(refusal: Refusal) -> str:
    """The sentence that tells a person what was wrong, with the numbers."""
    if refusal.detail is not None:
        return refusal.detail
    return DETAILS[refusal.code].format_map(refusal.context)
