"""What a consumer of events is: a name, its tables, and what it makes of events."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from psycopg2.extensions import cursor

from consumers.kit.reading import Told

LEDGERS_OWN: Final = frozenset({"balances", "bank", "delayed", "receipts", "tails"})
"""Groups of the ledger's own processes: a consumer of the same name would put them out of work."""

Start = Literal["beginning", "end"]


class PoisonError(Exception):
    """A consumer can make nothing of an event, today or ever; the text says why."""

    def __init__(self, told: Told, why: str) -> None:
        super().__init__(why)
        self.told = told


class Projection(ABC):
    """A consumer of the ledger's events, whose tables are its own.

    What apply() writes and the place in the log are one transaction: through any crash each event
    is applied once. Nothing else may be done there that a rollback does not undo.
    """

    name: ClassVar[str]
    """Its name among all consumers: of its group, and of its rows in the kit's tables. None of
    LEDGERS_OWN."""

    tables: ClassVar[str] = ""
    """SQL that makes its tables where they are missing; run at each start."""

    start: ClassVar[Start] = "beginning"
    """Where it begins with a partition that it never had: at the first event kept, or at those
    still to come. Later it goes on from where it was."""

    poison: ClassVar[Literal["park", "stop"]] = "park"
    """What becomes of a record that is no event, or that apply() raised PoisonError for: it is put
    into table consumer_parked and passed over, or the process ends before it."""

    gaps: ClassVar[Literal["stop", "go on"]] = "stop"
    """What happens where events of a wallet are missing: the process ends, or goes on with a line
    in its log. A gap of records that were parked is none."""

    @abstractmethod
    def apply(self, cursor: cursor, events: Sequence[Told]) -> None:
        """Write what these events lead to, at most 1,000 of one partition, in their order.

        None of them was applied before. Raises PoisonError for one of them: all that was written
        is undone, and apply() is called again without it. Any other exception ends the process,
        which begins again from before them.
        """
