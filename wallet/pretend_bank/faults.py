"""Which fault a call has: the one its target asks for, else one by chance."""

from collections import OrderedDict
from enum import StrEnum
from hashlib import blake2b
from typing import Final

MAGIC: Final = "magic:"

# Keys whose calls are counted. One that was forgotten counts from one again: its faults come anew.
KEYS_MAX: Final = 100_000


class Fault(StrEnum):
    """What goes wrong; the table in the package's docstring says what each one does."""

    REFUSED = "refused"
    FAILED = "failed"
    HTTP_429 = "http-429"
    HTTP_500_BEFORE = "http-500-before"
    TIMEOUT_BEFORE = "timeout-before"
    RESET_BEFORE = "reset-before"
    HTTP_500_AFTER = "http-500-after"
    TIMEOUT_AFTER = "timeout-after"
    RESET_AFTER = "reset-after"
    TRUNCATED = "truncated"
    NONSENSE = "nonsense"
    WRONG_ID = "wrong-id"
    DUPLICATE = "duplicate"
    SLOW = "slow"


ALL: Final = tuple(Fault)
SAY_NOT_DONE: Final = frozenset({Fault.REFUSED, Fault.FAILED})
"""Their answers are definite: this payment was not made."""
BEFORE: Final = SAY_NOT_DONE | {
    Fault.HTTP_429,
    Fault.HTTP_500_BEFORE,
    Fault.TIMEOUT_BEFORE,
    Fault.RESET_BEFORE,
}
"""Nothing is executed by a call that has one of these."""


class UnknownFaultError(Exception):
    """A magic target names no fault; the text is one line."""


def parse(target: str) -> tuple[Fault, int | None] | None:
    """Read a target: its fault, and at how many calls it happens (None: at all of them).

    None for a target without magic. A fault that executes nothing happens at every call, one after
    executing at the first call only, unless the target says a number: `magic:timeout-after-3`.

    Raises:
        UnknownFaultError: there is no such fault.

    """
    if not target.startswith(MAGIC):
        return None
    name = target.removeprefix(MAGIC)
    if name in ALL:  # `http-429` ends in a number of its own
        fault = Fault(name)
        return fault, None if fault in BEFORE else 1
    stem, _, number = name.rpartition("-")
    if stem in ALL and number.isascii() and number.isdigit():
        return Fault(stem), int(number)
    raise UnknownFaultError(f"no fault is called {name}; there are {', '.join(ALL)}")


class Faults:
    """Counts the calls of each key and picks their faults."""

    def __init__(self, rate: float, seed: int) -> None:
        self._rate = rate
        self._seed = seed
        self._calls: OrderedDict[str, int] = OrderedDict()

    def pick(self, identity: str, target: str) -> Fault | None:
        """Count one more call of this identity and give its fault, None where it has none.

        Raises:
            UnknownFaultError: the target is magic, but names no fault.

        """
        asked = parse(target)
        if asked is not None:
            fault, times = asked
            return fault if times is None or self._count(identity) <= times else None
        return self._by_chance(identity, self._count(identity)) if self._rate else None

    def _count(self, identity: str) -> int:
        call = self._calls.pop(identity, 0) + 1
        self._calls[identity] = call
        if len(self._calls) > KEYS_MAX:
            self._calls.popitem(last=False)
        return call

    def _by_chance(self, identity: str, call: int) -> Fault | None:
        """Chance hangs on seed, key and call only, not on the order in which calls arrive."""
        digest = blake2b(f"{self._seed}:{identity}:{call}".encode(), digest_size=8).digest()
        point = int.from_bytes(digest) / 2**64
        return ALL[int(point / self._rate * len(ALL))] if point < self._rate else None
