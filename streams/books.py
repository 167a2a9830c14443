"""The books of one batch: the wallets it holds locked, and what it may refund. Pure values.

A batch reads its wallets once, decides all its commands on them in memory and writes them once.
"""

from msgspec import Struct

from schemas.commands import Owner
from schemas.identifiers import is_uuid
from schemas.refusals import Refusal
from schemas.statuses import STATUSES

ACTIVE = STATUSES.index("active")


class Wallet(Struct, gc=False):
    """A wallet as the batch sees it. `opened_at_sequence` is what the database holds (0: none)."""

    wallet_id: str
    partition: int
    currency: str
    status: int
    balance_minor: int
    sequence: int
    opened_at_sequence: int
    touched_at_ms: int = 0


class NewWallet(Struct, frozen=True):
    """A wallet this batch makes: whose it is, for the profile."""

    wallet_id: str
    created_at: str
    owner: Owner | None
    metadata: dict[str, str] | None


class Entry(Struct, frozen=True, gc=False):
    """One signed amount, in minor units, on a wallet id or an account of the world."""

    account: str
    amount_minor: int
    currency: str = ""
    """Where a posting has more than one; else its own holds for all."""


class Payment(Struct, gc=False):
    """A transaction that can be refunded: who paid whom, how much, and what was given back."""

    transaction_id: str
    payer: str
    payee: str
    currency: str
    paid_minor: int
    refunded_minor: int


class Withdrawal(Struct, frozen=True, gc=False):
    """A withdrawal as a command finds or leaves it. Times in milliseconds since 1970.

    `opened_status` is what the database holds; None where this batch makes the withdrawal, whose
    id is given where its command's place is known.
    """

    withdrawal_id: str
    wallet_id: str
    amount_minor: int
    currency: str
    due_at_ms: int
    target: str | None
    status: str
    reason: str | None
    changed_at_ms: int
    opened_status: str | None

    @property
    def target_wallet(self) -> str | None:
        """The wallet that gets the money; None where it leaves the ledger."""
        return self.target if self.target is not None and is_uuid(self.target) else None


class CreditRequest(Struct, frozen=True, gc=False):
    """A credit request as a command finds or leaves it. Times in milliseconds since 1970.

    `opened_status` as in Withdrawal. Id and `number` are given where the command's place is known.
    """

    credit_request_id: str
    wallet_id: str
    amount_minor: int
    currency: str
    number: int
    status: str
    by: str | None
    reason: str | None
    requested_at_ms: int
    changed_at_ms: int
    opened_status: str | None


class Posting(Struct, frozen=True, gc=False):
    """Balanced entries made once for one command, or a change of state that moves no money."""

    entries: tuple[Entry, ...]
    currency: str
    status: str | None = None
    refund_of: Payment | None = None
    payable_back: bool = False
    """Whether a later command may refund it."""
    withdrawal: Withdrawal | None = None
    """The withdrawal that the command was about, as it is after it."""
    credit_request: CreditRequest | None = None


Decision = Posting | Refusal


class Books(Struct):
    """What a batch decides on. `payments` are those its refunds name, by transaction id.

    Withdrawals and credit requests are guarded by the lock on their wallet: each of their steps is
    one of the wallet's.
    """

    wallets: dict[str, Wallet]
    payments: dict[str, Payment]
    withdrawals: dict[str, Withdrawal] = {}
    credit_requests: dict[str, CreditRequest] = {}
    horizon_ms: int = 366 * 24 * 3600 * 1000
    """How far ahead a withdrawal may be scheduled."""


def apply(books: Books, posting: Posting, moment_ms: int) -> None:
    """Book a posting: every wallet of it changes, and its sequence counts one more.

    The rules have decided; what is wrong here is a bug and stops the worker.
    """
    total_minor = 0
    for entry in posting.entries:
        total_minor += entry.amount_minor
        wallet = books.wallets.get(entry.account)
        if wallet is None:
            continue
        wallet.balance_minor += entry.amount_minor
        wallet.sequence += 1
        wallet.touched_at_ms = moment_ms
        assert wallet.balance_minor >= 0, "no balance is below zero"
        if posting.status is not None:
            wallet.status = STATUSES.index(posting.status)
    assert total_minor == 0, "a posting sums to zero"
    if posting.withdrawal is not None:
        books.withdrawals[posting.withdrawal.withdrawal_id] = posting.withdrawal
    if posting.credit_request is not None:
        books.credit_requests[posting.credit_request.credit_request_id] = posting.credit_request
    if posting.refund_of is not None:
        posting.refund_of.refunded_minor += sum(abs(e.amount_minor) for e in posting.entries) // 2
