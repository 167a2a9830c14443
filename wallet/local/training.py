"""Makes Java's cache of Kafka's classes, once a user: a Kafka of its own starts, answers and ends.

It takes some 14 s of processor time, at low priority beside a copy that is ready; the starts after
it save two seconds each. A copy that is stopped meanwhile leaves it to the next one.
"""

import asyncio
import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from wallet import topics
from wallet.failure import Failure
from wallet.local import java, kafka, ports
from wallet.local.asking import until_yes
from wallet.local.process import die_with_parent

READY_SECONDS: Final = 60.0
END_SECONDS: Final = 120.0
"""Java writes the cache when it ends: 8 s where it is alone."""

NICENESS: Final = 10


async def make(log: Path) -> None:
    """Make the cache, unless it is there or somebody is at it; trouble is a line in the log."""
    with log.open("a", encoding="utf-8") as said:
        try:
            file = java.cache_file()
            if file.exists():
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                await _make(file, said.fileno())
        except (OSError, subprocess.TimeoutExpired, Failure) as error:
            said.write(f"--- no cache of Kafka's classes was made: {error!r}\n")


async def _make(file: Path, said: int) -> None:
    with tempfile.TemporaryDirectory(prefix=".training-", dir=file.parent) as name:
        folder, port = Path(name), ports.free()
        made = folder / file.name
        await asyncio.to_thread(kafka.prepare, folder, port, ports.free())
        spec = kafka.spec(folder, f"-XX:AOTCacheOutput={made}")
        child = await asyncio.create_subprocess_exec(
            *spec.command,
            env={**os.environ, **spec.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            process_group=0,
            preexec_fn=_humbly(os.getpid()),
        )
        try:
            admin = AdminClient({"bootstrap.servers": f"{ports.HOST}:{port}", "log_level": 0})
            await until_yes(lambda: topics.answers(admin), READY_SECONDS)
            child.terminate()
            async with asyncio.timeout(END_SECONDS):
                await child.wait()
            await asyncio.to_thread(_try, made)
            made.replace(file)
        finally:
            if child.returncode is None:  # else its number may be somebody else's by now
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)  # Java has a child that writes the cache
                await child.wait()


def _try(made: Path) -> None:
    """See that Java takes it: a disk that was full leaves half a cache. Raises Failure."""
    words = java.command("-XX:AOTMode=on", f"-XX:AOTCache={made}")
    tried = subprocess.run(  # noqa: S603 - our own command
        (*words, "kafka.tools.StorageTool", "random-uuid"),
        env={**os.environ, **java.ENVIRONMENT},
        capture_output=True,
        timeout=READY_SECONDS,
        check=False,
    )
    if tried.returncode:
        raise Failure("Java does not take what it has made")


def _humbly(parent: int) -> Callable[[], None]:
    end_with_parent = die_with_parent(signal.SIGKILL, parent)

    def begin() -> None:
        os.nice(NICENESS)
        end_with_parent()

    return begin
