"""Every kind of fault that `wallet torture` knows; a new one is added here."""

from collections.abc import Callable
from typing import Final

from wallet.torture.faults import Fault

KINDS: Final[tuple[Callable[[], Fault], ...]] = ()
