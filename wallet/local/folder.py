"""Everything a local copy keeps is under one folder, and one supervisor at a time holds it."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from schemas import local_copy
from wallet.failure import Failure

# Says that a folder is ours, so that `--fresh` and `reset` never delete somebody's documents.
_MARK = "wallet-streams"

LOOKS: Final = 3
LOOK_SECONDS: Final = 0.02
"""Whoever looks whether a copy runs has the lock for a moment too."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where a copy keeps its parts; `root` is WALLET_DATA as an absolute path."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> "DataFolder":
        """Take the folder as the user named it, from the current directory."""
        return cls(path.expanduser().resolve())

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.root / "logs"

    @property
    def kafka(self) -> Path:
        """The broker's settings and its log segments."""
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.root / "postgres"

    @property
    def bank(self) -> Path:
        """The pretend bank's ledger."""
        return self.root / "bank"

    @property
    def state_file(self) -> Path:
        """The addresses and process ids of the running copy."""
        return self.root / local_copy.STATE

    @property
    def _lock_file(self) -> Path:
        return self.root / local_copy.LOCK

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            Failure: it cannot be made, or holds something that is not ours.

        """
        if "," in str(self.root):
            raise Failure(
                f"cannot use {self.root}: Kafka takes a comma in a folder's name for the next"
                " folder; choose another one with --data or WALLET_DATA"
            )
        try:
            if self.root.is_dir() and not self._is_ours() and any(self.root.iterdir()):
                raise Failure(
                    f"{self.root} is not empty and was not made by wallet;"
                    " choose another folder with --data or WALLET_DATA"
                )
            self.logs.mkdir(parents=True, exist_ok=True)
            (self.root / _MARK).touch()
        except OSError as error:
            raise self.unusable(error) from None

    def _is_ours(self) -> bool:
        return (self.root / _MARK).exists()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder as its only supervisor; the lock ends with the process, however it ends.

        Raises:
            Failure: another supervisor holds it.

        """
        with self._lock_file_opened() as file:
            if not any(_is_locked_by_us(file, look) for look in range(LOOKS)):
                raise Failure(
                    f"a copy is already running on {self.root};"
                    " stop it with `wallet down` or choose another folder with --data"
                )
            yield

    def _lock_file_opened(self) -> IO[str]:
        try:
            return self._lock_file.open("a")
        except OSError as error:
            raise self.unusable(error) from None

    def is_held(self) -> bool:
        """Say whether a supervisor is at work on this folder.

        Raises:
            Failure: this user may not look.

        """
        try:
            return local_copy.is_held(self.root)
        except OSError as error:
            raise self.unusable(error) from None

    def unusable(self, error: OSError) -> Failure:
        """Give the failure of whoever may not use the folder."""
        return Failure(
            f"cannot use {self.root}: {error.strerror};"
            " choose another folder with --data or WALLET_DATA"
        )

    def empty(self) -> None:
        """Delete all data of a stopped copy; the lock file stays, its holder may be us."""
        if not self._is_ours():
            return
        for path in self.root.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in {_MARK, self._lock_file.name}:
                path.unlink()

    def remove(self) -> None:
        """Delete the folder of a stopped copy with all that is in it; one that is not ours stays.

        Raises:
            Failure: a copy runs there, or the folder was not made by wallet.

        """
        if not self.root.exists():
            return
        if not self._is_ours():
            raise Failure(f"{self.root} was not made by wallet; nothing was deleted")
        with self.held():
            self.empty()
            shutil.rmtree(self.root)


def _is_locked_by_us(file: IO[str], look: int) -> bool:
    if look:
        time.sleep(LOOK_SECONDS)  # a lock that ends has no event
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
