"""Load in the background while a test breaks things."""

import threading
import time
from types import TracebackType
from typing import Self

from tests.ledgers import Ledger, opening, storm


class Load:
    """Sends random commands of the ledger's seed at a rate, from entering to leaving.

    The wallets are opened first. `ledger.sent` counts what is in the log.
    """

    def __init__(self, ledger: Ledger, *, wallets: int = 20, per_second: int = 400) -> None:
        self.ledger = ledger
        self.wallets = [ledger.new_id() for _ in range(wallets)]
        self._chunk = max(1, per_second // 20)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self.ledger.send(*opening(self.ledger, self.wallets))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join(90)
        assert not self._thread.is_alive(), "the load does not end"
        if self._error is not None and error is None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._ending.wait(0.05):
                self.ledger.send(*storm(self.ledger, self.wallets, self._chunk))
        except BaseException as error:  # noqa: BLE001 - raised where the load ends
            self._error = error


def pause(seconds: float) -> None:
    """Let things go on as they are for a while."""
    time.sleep(seconds)
