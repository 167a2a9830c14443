"""A stage for strikes on the session's servers: what of faults.Stage they use, and no more."""

from collections.abc import Callable

from schemas.settings import Settings
from tests.ledgers import Ledger, Said
from tests.loads import pause
from tests.workers import wait_until
from wallet.torture.faults import Raw


class PaperStage:
    """One ledger; what is sent is in its log when `send` returns."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    @property
    def settings(self) -> Settings:
        """How to reach it directly."""
        return self.ledger.settings

    def send(self, *records: Raw) -> None:
        """Put records into the commands topic."""
        self.ledger.send(*(said(record) for record in records))

    def pause(self, seconds: float) -> None:
        """Let things go on."""
        pause(seconds)

    def wait_until(self, done: Callable[[], bool], limit: float, what: str) -> None:
        """Look until it is so."""
        wait_until(done, limit, what)


def said(record: Raw) -> Said:
    """A record of the torture as tests send them."""
    return Said(record.key, record.value, [*record.headers], record.partition)
