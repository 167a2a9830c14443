"""Why a replay ends without a second ledger that equals the first."""

import msgspec

from wallet.failure import Failure


class Difference(msgspec.Struct, frozen=True):
    """Something that the second ledger has otherwise: what, where, and both sides of it."""

    what: str
    where: str
    first: str = ""
    second: str = ""


class DiffersFailure(Failure):
    """The replay has decided otherwise than the ledger: nothing after it means anything."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(
            f"{difference.what} at {difference.where}: the ledger has {_short(difference.first)},"
            f" the replay {_short(difference.second)}"
        )
        self.difference = difference


class StuckFailure(Failure):
    """The record allows no next command: a gap, a cycle, or partitions left out that matter."""


def _short(text: str) -> str:
    most = 600
    return text if len(text) <= most else f"{text[:most]} ... ({len(text)} characters)"
