"""The jar lock and what fetching does with jars that are absent, cut short or not what they say."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stamina
from aiohttp import web
from aiohttp.test_utils import TestServer

from wallet.local import jars
from wallet.local.jars import Jar, JarsError

CONTENT = b"not really a jar" * 10_000


def jar_of(content: bytes, artifact: str = "thing") -> Jar:
    """A line of a lock for this content."""
    digest = hashlib.sha256(content).hexdigest()
    return Jar("org.example", artifact, "1.0", digest, len(content))


def files_in(folder: Path) -> list[Path]:
    """What the folder holds, unfinished files too."""
    return list(folder.iterdir())


class Repository:
    """A Maven repository in memory that can fail; `asked` counts the requests of each path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.failures: list[int] = []
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Give the file, or the next failure."""
        self.asked.append(request.path)
        if self.failures:
            return web.Response(status=self.failures.pop(0))
        if request.path not in self.files:
            return web.Response(status=404)
        return web.Response(body=self.files[request.path])


@pytest.fixture
async def repository(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Repository]:
    """An empty repository that WALLET_MAVEN_REPOSITORY names."""
    found = Repository()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    async with TestServer(app) as server:
        monkeypatch.setenv(jars.REPOSITORY_VARIABLE, str(server.make_url("/")))
        with stamina.set_testing(True, attempts=jars.ATTEMPTS, cap=True):
            yield found


def ignore(_received: int) -> None:
    """A progress nobody looks at."""


async def test_a_fetched_jar_is_kept_and_not_asked_for_again(
    repository: Repository, tmp_path: Path
) -> None:
    """Fetching fills the folder once; then nothing is missing."""
    jar = jar_of(CONTENT)
    repository.files[f"/{jar.path}"] = CONTENT
    received: list[int] = []
    await jars.fetch([jar], tmp_path, received.append)
    assert (tmp_path / "thing-1.0.jar").read_bytes() == CONTENT
    assert sum(received) == len(CONTENT)
    assert jars.missing([jar], tmp_path) == ()


async def test_a_changed_jar_is_refused_and_not_kept(
    repository: Repository, tmp_path: Path
) -> None:
    """One bit off is another file: refused, with the fix, and nothing stays in the folder."""
    jar = jar_of(CONTENT)
    repository.files[f"/{jar.path}"] = b"N" + CONTENT[1:]
    with pytest.raises(JarsError, match=r"is not the file in jars\.lock.*WALLET_MAVEN_REPOSITORY"):
        await jars.fetch([jar], tmp_path, ignore)
    assert files_in(tmp_path) == []


async def test_a_jar_cut_short_on_disk_is_fetched_again(
    repository: Repository, tmp_path: Path
) -> None:
    """Half a jar, as a full disk leaves it, counts as missing and is replaced."""
    jar = jar_of(CONTENT)
    repository.files[f"/{jar.path}"] = CONTENT
    (tmp_path / jar.filename).write_bytes(CONTENT[:100])
    assert jars.missing([jar], tmp_path) == (jar,)
    await jars.fetch([jar], tmp_path, ignore)
    assert (tmp_path / jar.filename).read_bytes() == CONTENT


async def test_a_passing_failure_is_tried_again(repository: Repository, tmp_path: Path) -> None:
    """503 and 429 pass; the third attempt has the file."""
    jar = jar_of(CONTENT)
    repository.files[f"/{jar.path}"] = CONTENT
    repository.failures = [503, 429]
    await jars.fetch([jar], tmp_path, ignore)
    assert len(repository.asked) == 3


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (503, jars.ATTEMPTS)])
async def test_a_jar_that_cannot_be_had_is_one_line_that_names_the_setting(
    repository: Repository, tmp_path: Path, status: int, requests: int
) -> None:
    """What is not there is not asked for again; what fails is, with a limit."""
    repository.failures = [status] * 10
    with pytest.raises(JarsError, match=f"HTTP {status}.*Set WALLET_MAVEN_REPOSITORY") as caught:
        await jars.fetch([jar_of(CONTENT)], tmp_path, ignore)
    assert len(repository.asked) == requests
    assert "\n" not in str(caught.value)


def test_nobody_listening_is_one_line_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refused connection names the address and the setting."""
    monkeypatch.setenv(jars.REPOSITORY_VARIABLE, "http://127.0.0.1:9/maven2/")
    with stamina.set_testing(True, attempts=2), pytest.raises(JarsError, match=r"127\.0\.0\.1:9/"):
        asyncio.run(jars.fetch([jar_of(CONTENT)], tmp_path, ignore))


def test_the_lock_names_kafka_a_binding_and_no_address() -> None:
    """The lock of this version: every jar with its sha256, the broker and its voice among them."""
    locked = {jar.artifact: jar for jar in jars.locked()}
    assert locked["kafka_2.13"].version.startswith("4.3.")
    assert "slf4j-simple" in locked
    assert len(locked) > 40
    assert "://" not in jars.LOCK.read_text()


@pytest.mark.parametrize(
    "line", ["a:b:1 abc 5", "a:b 00", f"a:b:1 {'0' * 64}", f"a:b:1 {'0' * 64} big", "a:b:1:c x 1"]
)
def test_a_broken_line_of_the_lock_is_named(line: str) -> None:
    """No half-read lock: the line is in the message."""
    with pytest.raises(JarsError, match="sha256 bytes"):
        jars.parse(f"# comment\n\n{line}\n")


def test_a_line_of_the_lock_reads_as_it_was_written() -> None:
    """`line` and `parse` are each other's reverse."""
    jar = jar_of(b"x")
    assert jars.parse(jar.line) == (jar,)


@pytest.mark.parametrize(
    ("mirror_of", "used"),
    [("central", True), ("*", True), ("*,!central", False), ("internal", False)],
)
def test_the_mirror_of_the_users_maven_settings_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror_of: str, *, used: bool
) -> None:
    """Who has set a mirror for Maven has set it for us."""
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        '<settings xmlns="urn:any"><mirrors><mirror>'
        f"<mirrorOf>{mirror_of}</mirrorOf><url>http://mirror.example/m2/</url>"
        "</mirror></mirrors></settings>"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(jars.REPOSITORY_VARIABLE, raising=False)
    assert (jars.repository() == "http://mirror.example/m2") is used
