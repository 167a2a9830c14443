"""One withdrawal in the bank caller's care."""

from dataclasses import dataclass

from consumers.bank.orders import Order
from consumers.bank.policy import Standing


@dataclass(slots=True, eq=False)
class Case:
    """What is paid, what is known of it, and since when. Times are seconds of a monotonic clock.

    `standing` is what bank_calls has: every write compares with it. `written_at` is when it was
    written, `opened_at` when the first of the calls was begun whose outcome is open. `tells` counts
    how often its end was sent to the ledger.
    """

    order: Order
    partition: int
    standing: Standing
    written_at: float
    opened_at: float
    spared_since: float | None = None
    """When it was found open: until the first outcome since then it is not left to a person."""
    spared_until: float = 0.0
    """Nor before then, whatever came out."""
    tells: int = 0
    busy: bool = False
    paused_until: float = 0.0
    """It is not called before then: a call was refused although nothing had changed."""
    over: bool = False
    """The ledger has said that it is executing no more."""
    draw: float = 0.5
    """The chance in its next pause, from 0 to 1."""
    turn: int = 0
    """Counts its moves: an entry of a queue or of the timers that has another turn is stale."""

    @property
    def key(self) -> str:
        """The withdrawal's id."""
        return self.order.withdrawal_id
