"""What is told of the ledger to people: a wallet and its history, a withdrawal, a tally."""

import msgspec


class WalletView(msgspec.Struct, frozen=True):
    """A wallet as it is now. `balance` is a decimal string of major units, times are RFC 3339."""

    wallet_id: str
    currency: str
    balance: str
    sequence: int
    status: str
    created_at: str | None
    updated_at: str
    owner: dict[str, str] | None
    metadata: dict[str, str] | None


class PastBalance(msgspec.Struct, frozen=True):
    """A balance after the change `sequence`, which was recorded at `recorded_at` (RFC 3339).

    `command` is the place in the log, "partition:offset", of the command that made it.
    """

    wallet_id: str
    currency: str
    balance: str
    sequence: int
    recorded_at: str
    command: str


class HistoryLine(msgspec.Struct, frozen=True):
    """One change of a wallet. `counterparties` are wallet ids and names of the world's accounts."""

    sequence: int
    kind: str
    amount: str
    balance: str
    currency: str
    counterparties: list[str]
    recorded_at: str
    transaction_id: str
    source: str | None
    command_id: str
    reference: str | None = None
    metadata: dict[str, str] | None = None
    status: str | None = None


class WithdrawalView(msgspec.Struct, frozen=True):
    """A withdrawal as it is now; `amount` is a decimal string, times are RFC 3339."""

    id: str
    wallet_id: str
    status: str
    amount: str
    currency: str
    due_at: str
    changed_at: str
    target: str | None
    reason: str | None


class CreditRequestView(msgspec.Struct, frozen=True):
    """A credit request as it is now; `amount` is a decimal string, times are RFC 3339.

    `by` and `reason` are of whoever has approved or rejected it.
    """

    id: str
    number: int
    wallet_id: str
    status: str
    amount: str
    currency: str
    requested_at: str
    changed_at: str
    by: str | None
    reason: str | None


class BankCallsView(msgspec.Struct, frozen=True):
    """What the bank caller notes of a withdrawal: so many calls begun, and how the last stands.

    `not_done` of them the bank has certainly not executed; `state` is the name of one of
    consumers.bank.policy.State, in small letters.
    """

    calls: int
    not_done: int
    state: str
    begun_at: str
    changed_at: str
    note: str | None


class WithdrawalStepLine(msgspec.Struct, frozen=True):
    """One command on a withdrawal: what it led to (`status`), or why it was refused (`error`)."""

    recorded_at: str
    kind: str
    source: str | None
    command_id: str
    status: str | None
    reason: str | None
    error: str | None
    metadata: dict[str, str] | None = None


class Tally(msgspec.Struct, frozen=True):
    """A wallet's balance beside what its entries say, both in minor units."""

    balance_minor: int
    entries_minor: int
    sequence: int
    entries: int

    @property
    def agrees(self) -> bool:
        """Whether the balance is the sum of the entries, and there is one entry a sequence."""
        return self.balance_minor == self.entries_minor and self.sequence == self.entries
