"""Java's cache of Kafka's classes: made once, taken by later starts, and never in the way."""

import asyncio
import fcntl
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.stacks import Stack
from wallet.failure import Failure
from wallet.local import jars, java, training
from wallet.local.asking import until_yes

pytestmark = pytest.mark.integration

ENOUGH_SECONDS = 120
STRICTLY = "-XX:AOTMode=on"
"""Java ends at once where it cannot use the cache."""


@pytest.fixture(scope="module", autouse=True)
def _with_jars(stack: Stack) -> None:
    """Whoever starts a copy fetches them."""
    assert stack


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache would be, and is not."""
    file = tmp_path / "java" / "kafka.aot"
    monkeypatch.setattr(java, "cache_file", lambda: file)
    return file


def tool(*options: str) -> int:
    """The exit code of one of Kafka's tools."""
    words = (*java.command(*options), "kafka.tools.StorageTool", "random-uuid")
    return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode


def at_work(cache: Path) -> Sequence[psutil.Process]:
    """The Javas that make this cache."""
    place = str(cache.parent)
    found = psutil.process_iter(["cmdline"])
    return [each for each in found if any(place in word for word in each.info["cmdline"] or ())]


def test_java_takes_what_was_made(cache: Path, tmp_path: Path) -> None:
    """A second start finds it; nothing else is left."""
    log = tmp_path / "training.log"
    asyncio.run(training.make(log))
    assert cache.exists(), log.read_text()
    assert tool(STRICTLY) == 0
    assert {each.name for each in cache.parent.iterdir()} == {cache.name, "kafka.lock"}


def test_java_does_without_a_cache_that_it_cannot_use(cache: Path) -> None:
    """As after a crash of the disk, or an update of Java that nobody noticed."""
    cache.parent.mkdir()
    cache.write_bytes(b"no cache")
    assert tool(STRICTLY) != 0
    assert tool() == 0


def test_a_stop_ends_its_java(cache: Path, tmp_path: Path) -> None:
    """A copy that is stopped leaves no process behind, and no half cache."""

    async def stop_early() -> None:
        work = asyncio.create_task(training.make(tmp_path / "training.log"))
        await until_yes(lambda: len(at_work(cache)) > 0, ENOUGH_SECONDS)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(stop_early())
    assert at_work(cache) == []
    assert not cache.exists()


@pytest.mark.parametrize("is_made", [True, False])
def test_it_is_made_once(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_made: bool
) -> None:
    """Where it is there, or somebody else is at it, nothing is started."""
    begun: list[Path] = []

    async def note(file: Path, _said: int) -> None:
        begun.append(file)

    monkeypatch.setattr(training, "_make", note)
    cache.parent.mkdir()
    with cache.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_made:
            cache.touch()
        asyncio.run(training.make(tmp_path / "training.log"))
    assert begun == []


def test_trouble_is_told_and_stops_nobody(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy beside it is ready, and goes on."""

    async def fail(_file: Path, _said: int) -> None:
        raise Failure("the disk is full")

    monkeypatch.setattr(training, "_make", fail)
    log = tmp_path / "training.log"
    asyncio.run(training.make(log))
    assert "the disk is full" in log.read_text()
    assert not cache.exists()


def test_its_name_says_which_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has others, or has fetched them anew, has a cache of his own: Java looks at both."""
    jar = jars.Jar("org.example", "example", "1", "0" * 64, 3)
    monkeypatch.setattr(jars, "locked", lambda: (jar,))
    monkeypatch.setattr(jars, "cache_folder", lambda: tmp_path / "jars")
    file = tmp_path / "jars" / jar.filename
    file.parent.mkdir()
    file.write_bytes(b"jar")
    first = java.cache_file()
    assert first == java.cache_file()
    assert first.parent == tmp_path / "java"
    os.utime(file, (1, 1))
    assert java.cache_file() != first
