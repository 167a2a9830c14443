"""Disks that fill up: a small file system in memory for each server's data, shrunk under it.

That it is full is no pretence: the size of a tmpfs is set to what is used, and the server hears
"no space left on device" from the kernel. It needs the right to mount.
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from wallet.failure import Failure

MOUNT_SECONDS: Final = 20
PAGE_BYTES: Final = 4096
TRIES: Final = 50
"""To make a disk as small as what is on it, while somebody writes."""


class Disk:
    """A file system of its own at a folder; what is in the folder is moved onto it.

    Raises:
        Failure: nothing can be mounted there.

    """

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self._folder = folder
        self._size_bytes = size_bytes
        below = folder.with_name(f"{folder.name}.below")
        if folder.exists():
            folder.rename(below)
        folder.mkdir()
        try:
            _mount("-t", "tmpfs", "-o", f"size={size_bytes},mode=0755", "tmpfs", str(folder))
        except Failure:
            folder.rmdir()
            if below.exists():
                below.rename(folder)
            raise
        if below.exists():
            _move(below, folder)

    def fill(self) -> int:
        """Leave no room; how many bytes are used. Raises Failure."""
        for slack in range(TRIES):
            used = self._used()
            with suppress(Failure):  # more was written since we looked
                self._resize(used + slack * PAGE_BYTES)
                return used
        raise Failure(f"{self._folder} fills up faster than its size can be set")

    def free(self) -> None:
        """Give all the room back."""
        self._resize(self._size_bytes)

    def close(self) -> None:
        """Unmount it; what is on it is gone."""
        _run("umount", "--lazy", str(self._folder))

    def _resize(self, size_bytes: int) -> None:
        _mount("-o", f"remount,size={max(size_bytes, PAGE_BYTES)}", str(self._folder))

    def _used(self) -> int:
        found = os.statvfs(self._folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize


def why_not() -> str | None:
    """Why there can be no such disks here; None where there can."""
    with tempfile.TemporaryDirectory(prefix="wallet-disk-") as folder:
        try:
            Disk(Path(folder), PAGE_BYTES).close()
        except Failure as failure:
            return str(failure)
    return None


def _move(source: Path, target: Path) -> None:
    """Move what a folder holds, and whose it is, onto another file system."""
    shutil.copystat(source, target)
    found = source.stat()
    os.chown(target, found.st_uid, found.st_gid)
    _run("cp", "-a", f"{source}/.", str(target))
    shutil.rmtree(source)


def _mount(*words: str) -> None:
    _run("mount", *words)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=MOUNT_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise Failure(f"there is no {command[0]} here: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        raise Failure(f"disks that fill up need the right to mount: {' '.join(command)}: {said}")
