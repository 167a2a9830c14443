"""The fault `bank`: a third of its answers are faulty, and all that deal with it are killed.

The delayed consumer and the bank caller die around each step of a withdrawal, the bank at any
moment. The bank's own ledger is the judge (I8): nobody is paid twice, and whoever is said to be
paid is.
"""

from random import Random
from typing import ClassVar, Final

from consumers.delayed.faults import POINTS as FIRING
from consumers.withdrawals.faults import POINTS as CALLING
from wallet.torture.faults import Ground, Needs, Stage, Struck
from wallet.torture.points import PASSES, Bag, kill, struck

CALLER, DELAYED, BANK = "bank-caller", "delayed", "pretend-bank"

UNREACHED: Final = frozenset({"before-doubts"})
"""Passed only where an answer to a command stays away: then as in the others, by chance."""

BEHAVIOUR: Final = {
    "WALLET_PRETEND_BANK_FAULTY": "0.3",
    "WALLET_PRETEND_BANK_SEED": "1",
    "WALLET_PRETEND_BANK_DELAY": "0.02",
    "WALLET_PRETEND_BANK_SLOW": "2",
    "WALLET_PRETEND_BANK_HANG": "30",
}
PATIENCE: Final = {
    "WALLET_BANK_TIMEOUT": "1",
    "WALLET_BANK_BACKOFF": "0.1",
    "WALLET_BANK_BACKOFF_MAX": "1",
    "WALLET_BANK_BREAKER_FAILURES": "10",
    "WALLET_BANK_BREAKER_PAUSE": "0.5",
}
"""A second here is a minute there. What is unknown stays so until the bank says more."""

_STEPS: Final = (
    *(f"{DELAYED} {point}" for point in FIRING if point not in UNREACHED),
    *(f"{CALLER} {point}" for point in CALLING),
    BANK,
)


class BankFaults:
    """Withdrawals through a bank that fails, by processes that die."""

    name: ClassVar[str] = "bank"
    weight: ClassVar[int] = 2

    def __init__(self) -> None:
        self._steps = Bag(_STEPS)

    def prepare(self, ground: Ground) -> Needs:  # noqa: ARG002 - nothing of it is needed
        """Have withdrawals in the load, and a bank like that."""
        return Needs(bank=BEHAVIOUR, processes=PATIENCE, withdrawals=True)

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Kill one of the three."""
        name, _, point = self._steps.draw(dice).partition(" ")
        passes = dice.randint(1, PASSES)
        if not point:
            kill(stage, name, {})
            return Struck("the bank killed", {"kills of the bank": 1}, frozenset(), sort=name)
        told = struck(stage, name, point, passes)
        return told._replace(hit=frozenset(), sort=name)

    def close(self) -> None:
        """Nothing is to be taken down."""
