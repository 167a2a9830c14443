"""The oracle's books: wallets, what was paid, withdrawals, credit requests. In memory only."""

from typing import Final, NamedTuple

from msgspec import Struct

from schemas.accounts import WORLD, is_world
from schemas.refusals import Code, Refusal

DAY_MS: Final = 24 * 3600 * 1000

Move = tuple[str, int]
"""An account (wallet id or a world account's name) and signed minor units."""


class Entry(NamedTuple):
    """A move with its currency."""

    account: str
    amount_minor: int
    currency: str


Posting = tuple[Entry, ...]


class Place(NamedTuple):
    """Where and when a record stands in the commands topic; milliseconds since 1970."""

    partition: int
    offset: int
    timestamp_ms: int


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an accident
    """A rule does not let a command through."""

    def __init__(
        self,
        code: Code,
        param: str,
        context: dict[str, str] | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(code)
        self.refusal = Refusal(code, param, context or {}, detail)


def told_at(own: str | None, currency: str, amount_minor: int, account: str) -> tuple[object, ...]:
    """Where an entry stands among those of its posting, as events tell them.

    The currency of the command's wallet comes first, then what is paid, then the id stored.
    """
    return currency != own, amount_minor, WORLD.get(account, account)


class Wallet(Struct, gc=False):
    """A wallet as it stands after the commands replayed so far."""

    wallet_id: str
    currency: str
    balance_minor: int = 0
    sequence: int = 0
    status: str = "active"


class Payment(Struct, gc=False):
    """Money a wallet paid, and how much of it went back. `receiver` is an account."""

    payer: str
    receiver: str
    amount_minor: int
    refunded_minor: int = 0


class Withdrawal(Struct, gc=False):
    """A withdrawal as it stands; moments in milliseconds since 1970.

    `receiver` is the wallet among the targets, `partition` that of its own wallet.
    """

    withdrawal_id: str
    wallet_id: str
    amount_minor: int
    currency: str
    due_at_ms: int
    target: str | None
    receiver: str | None
    partition: int
    changed_at_ms: int
    status: str = "scheduled"
    reason: str | None = None


class CreditRequest(Struct, gc=False):
    """A credit request as it stands; moments in milliseconds since 1970.

    `number` is its integer id; `by` and `reason` are of whoever has ended it.
    """

    credit_request_id: str
    wallet_id: str
    amount_minor: int
    currency: str
    number: int
    requested_at_ms: int
    changed_at_ms: int
    status: str = "pending"
    by: str | None = None
    reason: str | None = None


class Books:
    """State of the oracle. A rule first looks, then changes: it raises Refused before any change.

    `horizon_ms`: how far ahead a withdrawal may be scheduled; `partitions`: of the commands topic.
    Of the present command: `at` is where and when it was recorded, `looked` holds the wallets it
    looked at, in order (results' `sequences`), `about` the withdrawal or credit request that it has
    changed.
    """

    def __init__(self, horizon_ms: int = 366 * DAY_MS, partitions: int = 1) -> None:
        self.horizon_ms: Final = horizon_ms
        self.partitions: Final = partitions
        self.wallets: dict[str, Wallet] = {}
        self.payments: dict[str, Payment] = {}
        self.withdrawals: dict[str, Withdrawal] = {}
        self.credit_requests: dict[str, CreditRequest] = {}
        self.at: Place = Place(0, 0, 0)
        self.looked: list[str] = []
        self.about: Withdrawal | CreditRequest | None = None

    def begin(self, at: Place) -> None:
        """Go on to the next command."""
        self.at = at
        self.looked.clear()
        self.about = None

    def look(self, wallet_id: str) -> Wallet | None:
        """The wallet, if there is one; the command depends on it either way."""
        self.looked.append(wallet_id)
        return self.wallets.get(wallet_id)

    def sequences(self) -> dict[str, int]:
        """The present sequence of every wallet looked at; 0 where there is none."""
        wallets = self.wallets
        return {
            wallet_id: wallets[wallet_id].sequence if wallet_id in wallets else 0
            for wallet_id in self.looked
        }

    def post(self, *moves: Move) -> Posting:
        """Put a posting of one currency into the books; see `post_each`."""
        return self.post_each(moves)

    def post_each(self, *parts: tuple[Move, ...]) -> Posting:
        """Put a posting into the books; every wallet in it takes its next sequence number.

        Each part is of one currency, that of its wallets, and sums to zero by itself.
        """
        posting = tuple(entry for moves in parts for entry in self._balanced(moves))
        for account, amount, _ in posting:
            if not is_world(account):
                wallet = self.wallets[account]
                wallet.balance_minor += amount
                wallet.sequence += 1
                assert wallet.balance_minor >= 0, "no balance is negative"
        return posting

    def _balanced(self, moves: tuple[Move, ...]) -> Posting:
        assert sum(amount for _, amount in moves) == 0, "each currency sums to zero"
        held = {self.wallets[account].currency for account, _ in moves if not is_world(account)}
        assert len(held) == 1, "money moves between wallets of one currency"
        (currency,) = held
        return tuple(Entry(account, amount, currency) for account, amount in moves)
