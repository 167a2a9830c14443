"""The oracle's books: every wallet, every payment that a refund may name. In memory only."""

from msgspec import Struct

from schemas.accounts import is_world
from schemas.refusals import Code, Refusal

Move = tuple[str, int]
"""An account (wallet id or a world account's name) and signed minor units."""


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


class Books:
    """State of the oracle. A rule first looks, then changes: it raises Refused before any change.

    `looked` holds the wallets the present command looked at, in order (results' `sequences`).
    """

    def __init__(self) -> None:
        self.wallets: dict[str, Wallet] = {}
        self.payments: dict[str, Payment] = {}
        self.looked: list[str] = []

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

    def post(self, *moves: Move) -> tuple[Move, ...]:
        """Put a posting into the books; every wallet in it takes its next sequence number."""
        assert sum(amount for _, amount in moves) == 0, "a posting sums to zero"
        for account, amount in moves:
            if not is_world(account):
                wallet = self.wallets[account]
                wallet.balance_minor += amount
                wallet.sequence += 1
                assert wallet.balance_minor >= 0, "no balance is negative"
        return moves
