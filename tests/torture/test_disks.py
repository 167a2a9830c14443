"""Disks that fill up under the servers, and are freed: they stop, and go on where they were."""

import os
import time
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, tell
from tests.loads import Load, pause
from tests.stacks import data_folder, running
from tests.torture.stages import PaperStage
from tests.workers import Workers, wait_until
from wallet import migrate, topics
from wallet.local.folder import DataFolder
from wallet.torture import disks_faults
from wallet.torture.disks import Disk
from wallet.torture.disks_faults import DiskFull
from wallet.torture.faults import Ground

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")

SEED = 20261128
MEGABYTE = 2**20


class DiskStage(PaperStage):
    """One whose servers are asked whether they are back."""

    def await_answers(self, name: str, limit: float) -> float:
        """Wait for a server."""
        admin = topics.client(self.settings)
        asks = {
            "kafka": lambda: topics.answers(admin),
            "postgres": lambda: migrate.refusal(self.settings.database_url) is None,
        }
        wait_until(asks[name], limit, f"answer of {name}")
        return time.monotonic()


def test_a_full_disk_takes_nothing_and_a_freed_one_does(tmp_path: Path) -> None:
    """What was in the folder is on it, whose it was; nothing stays mounted."""
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    (place / "before").write_bytes(b"here")
    os.chown(place / "before", 1234, 1234)
    disk = Disk(place, 8 * MEGABYTE)
    try:
        assert (place / "before").read_bytes() == b"here"
        assert (place / "before").stat().st_uid == 1234
        assert place.stat().st_mode & 0o777 == 0o700
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (place / "more").write_bytes(bytes(MEGABYTE))
        disk.free()
        (place / "more").write_bytes(bytes(MEGABYTE))
    finally:
        disk.close()
    assert not os.path.ismount(place)
    assert [*place.iterdir()] == []


@pytest.mark.fault
@pytest.mark.integration
def test_a_ledger_on_full_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's, then Kafka's, or the other way round, under load; the auditor finds nothing."""
    monkeypatch.setattr(disks_faults, "FULL_SECONDS", (2.0, 3.0))
    kind, dice = DiskFull(), Random(SEED)  # noqa: S311 - chance that repeats
    with data_folder() as data:
        try:
            kind.prepare(Ground(DataFolder.at(data), 0, 0, 0))
            with running(data) as stack:
                settings = Settings(
                    kafka_bootstrap=stack.kafka, database_url=stack.postgres, data=data
                )
                ledger = Ledger(settings, SEED)
                stage = cast("Any", DiskStage(ledger))
                with Workers(settings, tmp_path) as workers:
                    (worker,) = workers.start_and_hold()
                    with Load(ledger, per_second=200):
                        pause(1.0)
                        told = [kind.strike(stage, dice).what for _ in range(2)]
                        pause(1.0)
                    findings = ledger.verify(90)
                    tell(f"seed {SEED}: {told}, deaths {worker.deaths}")
                    counts = findings.counts
                    assert counts["results"] + counts["repeated"] == ledger.sent
        finally:
            kind.close()
