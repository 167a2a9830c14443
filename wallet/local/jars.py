"""The jars of Apache Kafka: listed in `jars.lock`, fetched once a user, checked by their sha256.

The lock has one line a jar, `group:artifact:version sha256 bytes`, and no addresses. Jars come from
WALLET_MAVEN_REPOSITORY, else from the mirror in the user's `~/.m2/settings.xml`, else from Maven
Central at the address the library jgo knows.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from xml.etree import ElementTree as ET

import aiohttp
import platformdirs
import stamina

from wallet.failure import Failure

LOCK = Path(__file__).with_name("jars.lock")
REPOSITORY_VARIABLE = "WALLET_MAVEN_REPOSITORY"

# 46 jars of 1 MB: eight at a time hide the round trips, more only crowd a small line.
CONNECTIONS = 8
ATTEMPTS = 4
CHUNK_BYTES = 1 << 16

# Told the number of bytes that have just arrived (negative: thrown away, to be fetched again).
Progress = Callable[[int], None]


class JarsError(Failure):
    """A jar could not be had; the text says which, and what to set."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock: what the file is called and what it must contain."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def filename(self) -> str:
        """The name of the file, `artifact-version.jar`."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Where a repository of Maven's layout keeps it."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"

    @property
    def line(self) -> str:
        """The jar as the lock writes it."""
        return f"{self.group}:{self.artifact}:{self.version} {self.sha256} {self.size_bytes}"


def parse(text: str) -> tuple[Jar, ...]:
    """Read a lock; the order of its lines is the order of the class path."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(_parse_line(line) for line in lines if line and not line.startswith("#"))


def _parse_line(line: str) -> Jar:
    try:
        coordinate, sha256, size = line.split()
        group, artifact, version = coordinate.split(":")
        digest = bytes.fromhex(sha256)
        assert len(digest) == hashlib.sha256().digest_size
        return Jar(group, artifact, version, sha256, int(size))
    except (ValueError, AssertionError):
        raise JarsError(f"jars.lock: not `group:artifact:version sha256 bytes`: {line}") from None


def locked() -> tuple[Jar, ...]:
    """Give the jars that this version of the project runs Kafka with."""
    return parse(LOCK.read_text(encoding="utf-8"))


def cache_folder() -> Path:
    """Give the folder all copies of one user share (`$XDG_CACHE_HOME/wallet-streams/jars`)."""
    return platformdirs.user_cache_path("wallet-streams") / "jars"


def repository() -> str:
    """Give the address of the Maven repository, without a slash at its end."""
    address = os.environ.get(REPOSITORY_VARIABLE) or _mirror()
    if not address:
        # A third of a second that no start with all jars in place shall wait for.
        from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415

        address = str(MAVEN_CENTRAL_URL)
    return address.rstrip("/")


def _mirror() -> str | None:
    """Give the mirror of Maven Central in the user's own Maven settings, if one is set there."""
    settings = Path.home() / ".m2" / "settings.xml"
    try:
        root = ET.parse(settings)  # noqa: S314 - the user's own file
        mirrors = root.iterfind(".//{*}mirror")
        for mirror in mirrors:
            stands_for = (mirror.findtext("{*}mirrorOf") or "").replace(" ", "").split(",")
            if {"*", "central", "external:*"} & set(stands_for) and "!central" not in stands_for:
                return (mirror.findtext("{*}url") or "").strip() or None
    except (OSError, ET.ParseError):
        return None
    return None


def missing(jars: Iterable[Jar], folder: Path) -> tuple[Jar, ...]:
    """Give the jars the folder does not hold in full; contents were hashed when fetched."""
    return tuple(jar for jar in jars if not _is_whole(folder / jar.filename, jar))


def _is_whole(path: Path, jar: Jar) -> bool:
    try:
        return path.stat().st_size == jar.size_bytes
    except FileNotFoundError:
        return False


async def fetch(jars: Iterable[Jar], folder: Path, progress: Progress) -> None:
    """Fetch the jars into the folder, several at a time; the first failure ends them all.

    Raises:
        JarsError: a jar could not be fetched in four attempts, or is not what the lock says.

    """
    _make(folder)
    source = repository()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        timeout=aiohttp.ClientTimeout(connect=None, sock_connect=10, sock_read=30, total=None),
        trust_env=True,  # the proxy settings of the user's environment
    ) as session:
        try:
            async with asyncio.TaskGroup() as group:
                for jar in jars:
                    group.create_task(
                        _fetch(session, f"{source}/{jar.path}", jar, folder, progress)
                    )
        except* JarsError as errors:
            raise errors.exceptions[0] from None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JarsError(f"cannot make {folder}: {error.strerror}; set XDG_CACHE_HOME") from None


async def _fetch(
    session: aiohttp.ClientSession, address: str, jar: Jar, folder: Path, progress: Progress
) -> None:
    try:
        async for attempt in stamina.retry_context(on=_is_passing, attempts=ATTEMPTS, timeout=None):
            with attempt:
                await _download(session, address, jar, folder, progress)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise JarsError(
            f"cannot fetch {address}: {_reason(error)}."
            f" Set {REPOSITORY_VARIABLE} to a Maven repository that can be reached from here."
        ) from error


def _is_passing(error: Exception) -> bool:
    """Say whether the same request may well succeed a moment later."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _BUSY
    return isinstance(error, aiohttp.ClientError | TimeoutError)


_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status}"
    return str(error) or type(error).__name__


async def _download(
    session: aiohttp.ClientSession, address: str, jar: Jar, folder: Path, progress: Progress
) -> None:
    content = await _receive(session, address, progress)
    digest = hashlib.sha256(content).hexdigest()
    if digest != jar.sha256:
        raise JarsError(
            f"{address} is not the file in jars.lock (sha256 {digest}, wanted {jar.sha256})."
            f" Nothing was kept; set {REPOSITORY_VARIABLE} to a repository that can be trusted."
        )
    _keep(content, folder / jar.filename)


async def _receive(session: aiohttp.ClientSession, address: str, progress: Progress) -> bytes:
    """Take in a whole jar; the largest has 10 MB."""
    content = bytearray()
    try:
        async with session.get(address, raise_for_status=True) as response:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                content += chunk
                progress(len(chunk))
    except BaseException:
        progress(-len(content))
        raise
    return bytes(content)


def _keep(content: bytes, target: Path) -> None:
    """Write under another name first: a reader, or a crash, never meets half a jar."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a handle, not a path
            file.write(content)
            file.flush()
            os.fsync(handle)
        temporary.chmod(0o644)  # mkstemp makes it 0600, but the cache may be shared
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
