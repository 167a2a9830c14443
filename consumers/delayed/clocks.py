"""The clocks of a withdrawal: the database's, as we know it, and how far the broker's is behind.

Ours is never asked: between two looks at the database a monotonic clock goes on, so a wall clock
that jumps here fires nothing.
"""

from typing import Final

PROBE_SECONDS: Final = 10.0
"""So often one command finds out whether a broker's clock is still behind."""

FRESH_SECONDS: Final = 30.0
"""How long a measure of the broker's clock counts, at least; at most twice as long."""


class DatabaseClock:
    """The database's clock, moved ahead by the development clock. Microseconds since 1970.

    A look gives a moment that lies between asking and hearing the answer. What is known of the
    clock is changed only as far as the look contradicts it, so that a slow answer is no jump, and
    it never runs ahead of the truth.
    """

    def __init__(self) -> None:
        self._offset_us: int | None = None
        self.ahead_us = 0

    @property
    def is_known(self) -> bool:
        """Whether the database was ever asked."""
        return self._offset_us is not None

    def looked(self, told_us: int, ahead_us: int, asked_at: float, heard_at: float) -> int:
        """Take an answer in; `asked_at` and `heard_at` are seconds of the monotonic clock.

        Gives by how much the clock has turned out to be wrong, in microseconds.
        """
        least = told_us - round(heard_at * 1e6)
        most = told_us - round(asked_at * 1e6)
        known = least if self._offset_us is None else self._offset_us
        self._offset_us = min(max(known, least), most)
        self.ahead_us = ahead_us
        return self._offset_us - known

    def server_us(self, at: float) -> int:
        """The database's own time at a moment of the monotonic clock."""
        assert self._offset_us is not None, "ask the database first"
        return self._offset_us + round(at * 1e6)

    def now_us(self, at: float) -> int:
        """The time by which withdrawals are due."""
        return self.server_us(at) + self.ahead_us


class Behind:
    """How far the broker's clock is behind the database's, as its stamps on our commands tell.

    The ledger reads the broker's. Were a command always sent when it is due by the database's,
    each would be refused as too early wherever the two differ, be it by milliseconds. The way to
    the broker counts too: the estimate is nothing where the way takes longer than the difference.
    """

    def __init__(self) -> None:
        self._present_us = 0
        self._former_us = 0
        self._since = 0.0
        self._measured_at = 0.0
        self.jumps = 0
        """How often all was forgotten; to be noted as a command is sent."""

    @property
    def us(self) -> int:
        """How much longer to wait with a command; never negative."""
        return max(self._present_us, self._former_us)

    def measured(self, sent_us: int, stamped_us: int, at: float, jumps: int = 0) -> None:
        """Take in when, by the database's clock, a command was sent and how it was stamped.

        What was sent before the last jump, `jumps` says so, was timed with a clock that was wrong.
        Measures age in two generations: those of before the last FRESH_SECONDS are forgotten.
        """
        if jumps != self.jumps:
            return
        if at - self._since > FRESH_SECONDS:
            is_recent = at - self._measured_at <= 2 * FRESH_SECONDS
            self._former_us = self._present_us if is_recent else 0
            self._present_us, self._since = 0, at
        self._present_us = max(self._present_us, sent_us - stamped_us)
        self._measured_at = at

    def forget(self) -> None:
        """Forget all measures: the clock with which the broker's was compared has jumped."""
        self._present_us = self._former_us = 0
        self.jumps += 1

    def wants_probe(self, at: float) -> bool:
        """Whether a single command should be sent without waiting, to measure anew."""
        return self.us > 0 and at - self._measured_at > PROBE_SECONDS
