"""Every kind of fault that `wallet torture` knows; a new one is added here."""

from collections.abc import Callable
from typing import Final

from wallet.torture import clocks, disks
from wallet.torture.bank import BankFaults
from wallet.torture.clocks_faults import ClockSteps
from wallet.torture.disks_faults import DiskFull
from wallet.torture.faults import Fault
from wallet.torture.fuzz_faults import Poison
from wallet.torture.kills import Broker, Kill, Pause, Postgres, Storm
from wallet.torture.points import PointKills
from wallet.torture.proxy_faults import Cut

KINDS: Final[tuple[Callable[[], Fault], ...]] = (
    *(Kill, PointKills, Pause, Broker, Postgres, Storm, Cut),
    *(Poison, DiskFull, ClockSteps, BankFaults),
)

IN_THE_LOAD: Final = ("poison", "duplicates")
"""Faults that are a share of what is sent, besides the kinds of that name."""


def missing() -> dict[str, str]:
    """Faults that cannot be had on this machine, and why."""
    looks = {DiskFull.name: disks.why_not, ClockSteps.name: clocks.why_not}
    found = {name: look() for name, look in looks.items()}
    return {name: why for name, why in found.items() if why is not None}
