"""The rows of the simulated database, named as in schemas/tables.py."""

from typing import NamedTuple


class PartitionRow(NamedTuple):
    """A row of `partitions`."""

    epoch: int = 0
    next_offset: int = 0
    next_event: int = 0
    floor_offset: int = -1
    batch_offset: int = 0
    batch_event: int = 0
    last_result_offset: int = -1
    arrived_wallets: tuple[str, ...] = ()
    arrived_sequences: tuple[int, ...] = ()


class WalletRow(NamedTuple):
    """A row of `wallets`."""

    wallet_id: str
    partition: int
    currency: str
    status: int
    balance_minor: int
    sequence: int


class StoredCommand(NamedTuple):
    """A row of `commands`."""

    key: str
    fingerprint: str
    transaction_id: str | None
    partition: int
    offset: int
    result: str
    details: str | None


class EntryRow(NamedTuple):
    """A row of `entries`; `sequence` and `balance_minor` are None on accounts of the world."""

    account_id: str
    transaction_id: str
    sequence: int | None
    amount_minor: int
    balance_minor: int | None
    currency: str


class WithdrawalRow(NamedTuple):
    """A row of `withdrawals`; moments in milliseconds."""

    withdrawal_id: str
    wallet_id: str
    amount_minor: int
    currency: str
    due_at_ms: int
    target: str | None
    status: int
    reason: str | None
    changed_at_ms: int
    partition: int


class CreditRequestRow(NamedTuple):
    """A row of `credit_requests`; moments in milliseconds."""

    credit_request_id: str
    wallet_id: str
    amount_minor: int
    currency: str
    number: int
    status: int
    by: str | None
    reason: str | None
    requested_at_ms: int
    changed_at_ms: int


def items(literal: str) -> list[str]:
    """The texts of an array literal that needed no quoting."""
    inner = literal[1:-1]
    return inner.split(",") if inner else []


def numbers(literal: str) -> list[int]:
    """The numbers of an array literal."""
    return [int(text) for text in items(literal)]


def some(text: str) -> str | None:
    """An item of an array literal that may be missing."""
    return None if text == "NULL" else text


def some_number(text: str) -> int | None:
    """A number of an array literal that may be missing."""
    return None if text == "NULL" else int(text)
