"""Every kind of fault that `wallet torture` knows; a new one is added here."""

from collections.abc import Callable
from typing import Final

from wallet.torture.faults import Fault
from wallet.torture.kills import Broker, Kill, Pause, Postgres, Storm

KINDS: Final[tuple[Callable[[], Fault], ...]] = (Kill, Pause, Broker, Postgres, Storm)

IN_THE_LOAD: Final = ("poison", "duplicates")
"""Faults that are a share of what is sent, besides the kinds of that name."""
