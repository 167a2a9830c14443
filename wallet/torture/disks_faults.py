"""The fault `disk`: the disk of PostgreSQL or of Kafka is full for a while."""

from contextlib import suppress
from random import Random
from typing import ClassVar, Final

from wallet.failure import Failure
from wallet.local import postgres
from wallet.torture.disks import Disk
from wallet.torture.faults import FaultError, Ground, Needs, Stage, Struck

DISK_BYTES: Final = 3 * 2**30
"""Of each server, in memory as it is used: some 1 KB a command, and the log of PostgreSQL."""
FULL_SECONDS: Final = (4.0, 10.0)
BACK_SECONDS: Final = 60.0
SERVERS: Final = ("postgres", "kafka")


class DiskFull:
    """Each server's data on a small disk, which fills up and is freed."""

    name: ClassVar[str] = "disk"
    weight: ClassVar[int] = 1

    def __init__(self) -> None:
        self._disks: dict[str, Disk] = {}
        self._next: list[str] = []

    def prepare(self, ground: Ground) -> Needs:
        """Lay both servers' storage on disks. Raises Failure without the right to."""
        folder = ground.folder
        folder.prepare()
        postgres.prepare(folder.postgres)  # it makes a cluster only where there is no folder yet
        for name, place in (("postgres", folder.postgres), ("kafka", folder.kafka)):
            self._disks[name] = Disk(place, DISK_BYTES)
        return Needs(postgres={"max_wal_size": "512MB"})

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Let a disk be full for some seconds under load. Raises FaultError."""
        self._next = self._next or dice.sample(SERVERS, len(SERVERS))
        name = self._next.pop()
        disk, seconds = self._disks[name], dice.uniform(*FULL_SECONDS)
        try:
            try:
                used = disk.fill()
                stage.pause(seconds)
            finally:
                disk.free()
        except Failure as error:
            raise FaultError(str(error)) from error
        back_at = stage.await_answers(name, BACK_SECONDS)
        what = f"the disk of {name} full at {used / 2**20:.0f} MB for {seconds:.0f} s"
        return Struck(what, {f"disk full, {name}": 1}, back_at=back_at, sort=name)

    def close(self) -> None:
        """Unmount both disks, with all that is on them."""
        for disk in self._disks.values():
            with suppress(Failure):
                disk.close()
        self._disks.clear()
