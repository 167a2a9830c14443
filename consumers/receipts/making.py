"""Makes the receipts that are missing, however it was found out that they are."""

from collections.abc import Sequence

from consumers.receipts.facts import Chosen, Facts
from consumers.receipts.page import page
from consumers.receipts.parties import Parties
from consumers.receipts.shelf import Shelf
from schemas.settings import Settings


class Making:
    """What a maker works with. make() raises psycopg2.Error or OSError and may be called again."""

    def __init__(self, settings: Settings, slot: str) -> None:
        self.chosen = Chosen.by(settings)
        self._shelf = Shelf(settings.receipts_folder, slot)
        self._parties = Parties(settings)

    def is_missing(self, facts: Facts) -> bool:
        """Whether the receipt is not there."""
        return not self._shelf.has(facts.name)

    def make(self, wanted: Sequence[Facts]) -> None:
        """Make receipts; when it returns they are on the disk."""
        wallets = {wallet for facts in wanted for wallet in (facts.sender, facts.receiver)}
        parties = self._parties.of(wallets)
        self._shelf.put((facts.name, page(facts, parties)) for facts in wanted)

    def close(self) -> None:
        """Let everything go."""
        self._parties.close()
        self._shelf.close()
