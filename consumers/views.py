"""What is told of the ledger to people: a wallet, a line of its history, a tally."""

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
