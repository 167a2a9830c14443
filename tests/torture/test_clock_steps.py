"""Wall clocks of our processes that step by an hour while withdrawals wait: none is early."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from schemas.settings import Settings
from tests.consumers import delayed_consumer
from tests.ledgers import Ledger
from tests.torture.stages import PaperStage
from tests.workers import Workers, execute, rows, wait_until
from wallet.torture import clocks_faults
from wallet.torture.clocks import SteppedClocks
from wallet.torture.clocks_faults import PROCESSES, WATCHED, Watched
from wallet.torture.faults import FaultError

pytestmark = [
    pytest.mark.fault,
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]

SEED = 20261126
PATIENCE = 60.0
_EXECUTED = "SELECT count(*) FROM withdrawals WHERE status = 1"
_FORGED = """
INSERT INTO withdrawals (withdrawal_id, wallet_id, amount_minor, due_at, changed_at, partition,
                         status, currency, target)
VALUES (%s, %s, 100, now() + interval '1 hour', now(), 0, 1, 'IRR', 'IR-1')
"""


@pytest.fixture
def stage(new_ledger: Callable[..., Settings]) -> PaperStage:
    """A ledger of its own."""
    return PaperStage(Ledger(new_ledger(), SEED))


def executed(settings: Settings) -> int:
    """How many withdrawals have been executed; nobody pays them here."""
    with rows(settings, _EXECUTED) as found:
        return int(found[0][0])


def test_a_step_makes_nothing_early_and_nothing_late(
    stage: PaperStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour ahead, an hour behind: what is due is executed, what is due in half an hour waits."""
    clocks = SteppedClocks(tmp_path / "clocks", PROCESSES)
    for name, value in clocks.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(clocks_faults, "WATCH_SECONDS", 1.0)
    watched = Watched(cast("Any", stage), Random(SEED))  # noqa: S311 - chance that repeats
    with (
        Workers(stage.settings, tmp_path) as workers,
        delayed_consumer(stage.settings, tmp_path) as delayed,
    ):
        workers.start_and_hold()
        clocks.set_ahead(PROCESSES, 3600.0)
        watched.schedule()
        watched.watch()
        clocks.set_ahead(PROCESSES, -3600.0)
        near = WATCHED - WATCHED // 2
        wait_until(lambda: executed(stage.settings) == near, PATIENCE, "what is due", delayed)
        watched.watch()
        assert executed(stage.settings) == near
    stage.ledger.verify()


class Forger(PaperStage):
    """Has a withdrawal executed an hour early, once somebody watches."""

    pauses = 0

    def pause(self, seconds: float) -> None:
        """Forge in the second pause: the first one is before the watch."""
        super().pause(seconds)
        self.pauses += 1
        if self.pauses == 2:
            execute(self.settings, _FORGED, self.ledger.new_id(), self.ledger.new_id())


def test_what_is_early_is_found(stage: PaperStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch can fail: the ledger itself would never do it."""
    monkeypatch.setattr(clocks_faults, "SETTLE_SECONDS", 0.0)
    watched = Watched(cast("Any", Forger(stage.ledger)), Random(SEED))  # noqa: S311 - as above
    with pytest.raises(FaultError, match="before they were due"):
        watched.watch()
