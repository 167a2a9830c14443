"""Whether the machines' clocks agree: the broker's decides, the database's wakes withdrawals."""

from typing import Final

from wallet.doctor.findings import Finding, fine, harm, warning

SKEW_SECONDS: Final = 1.0
"""Half of what a withdrawal may come too early or late by before people notice."""

BAD_SECONDS: Final = 30.0

FIX: Final = "keep the clocks of all machines right, with chrony or systemd-timesyncd"


def judge_skew(check: str, seconds: float) -> Finding:
    """What a difference from this machine's clock means; positive where the other is ahead."""
    side = "ahead of" if seconds > 0 else "behind"
    told = f"{abs(seconds):.1f} s {side} this machine's"
    if abs(seconds) >= BAD_SECONDS:
        return harm(check, told, FIX)
    if abs(seconds) >= SKEW_SECONDS:
        return warning(check, told, FIX)
    return fine(check, "agrees with this machine's")
