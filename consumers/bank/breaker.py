"""The circuit breaker: while nobody answers, one call tries the bank and all others wait."""

from collections.abc import Callable
from enum import Enum

from schemas.settings import Settings


class Permit(Enum):
    """Leave to make one call."""

    PLAIN = "plain"
    PROBE = "probe"
    """The one call that tries a bank from which nobody got an answer."""


class Breaker:
    """Counts calls in a row without an answer; past its limit it is open, and calls wait.

    Open, it lets one probe through each `pause` seconds. A probe that is answered closes it, as
    does any other call that ends well meanwhile. For one thread. `clock` gives seconds.
    """

    def __init__(self, failures: int, pause: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._probe_at: float | None = None
        self._probing = False

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], float]) -> "Breaker":
        """The breaker that the settings describe."""
        return cls(settings.bank_breaker_failures, settings.bank_breaker_pause, clock)

    @property
    def is_open(self) -> bool:
        """Whether calls wait."""
        return self._probe_at is not None

    def ask(self) -> Permit | None:
        """Leave for one call, or None: then it waits. Each permit is given back once, by end()."""
        if self._probe_at is None:
            return Permit.PLAIN
        if self._probing or self._clock() < self._probe_at:
            return None
        self._probing = True
        return Permit.PROBE

    def wait(self) -> float | None:
        """Seconds until a permit may be had; None while a probe is under way."""
        if self._probe_at is None:
            return 0.0
        return None if self._probing else max(self._probe_at - self._clock(), 0.0)

    def end(self, permit: Permit, *, answered: bool | None) -> bool:
        """A call has ended: answered, not answered, or never made (None).

        Gives whether that opened or closed the breaker.
        """
        was_open = self.is_open
        if permit is Permit.PROBE:
            self._probing = False
        if answered:
            self._failures = 0
            self._probe_at = None
        elif answered is not None:
            self._failures += 1
            if permit is Permit.PROBE or (not was_open and self._failures >= self._limit):
                self._probe_at = self._clock() + self._pause
        return self.is_open != was_open
