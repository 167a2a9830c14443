"""The files of other projects that our pages need: vendored, and served as they are.

`assets/assets.lock` names each: package, version, file within the package, SHA-256. Nothing else of
`assets/` is served but our own two scripts. `fetch_assets.py` makes the folder anew.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ASSETS: Final = Path(__file__).with_name("assets")
LOCK: Final = ASSETS / "assets.lock"
OWN: Final = "own"
"""The folder of our own scripts."""

KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",
}
"""How a file's name ends -> its content type. Names without an ending are licences."""


def policy_of(may: Mapping[str, str]) -> str:
    """A Content-Security-Policy: what a page may load from where."""
    return "; ".join(f"{what} {where}" for what, where in may.items())


class Locked(NamedTuple):
    """A line of the lock."""

    package: str
    version: str
    file: str
    sha256: str

    @property
    def folder(self) -> str:
        """The package as a folder's name: "@tabler/core" is tabler-core."""
        return self.package.removeprefix("@").replace("/", "-")

    @property
    def path(self) -> Path:
        """Where it lies here: folders within its package are left out."""
        return ASSETS / self.folder / Path(self.file).name

    @property
    def name(self) -> str:
        """How it is asked for: with the version, so that a browser may keep it for ever."""
        return f"{self.folder}-{self.version}/{self.path.name}"


class Asset(NamedTuple):
    """A file as it is served."""

    kind: str
    content: bytes
    is_kept: bool
    """Whether the same name will always mean the same content."""


def locked() -> Iterator[Locked]:
    """The lines of the lock."""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield Locked(*line.split())


def asset(name: str) -> Asset | None:
    """A file by the name it is asked for; None where there is none."""
    path = _paths().get(name)
    if path is None:
        return None
    return Asset(KINDS[path.suffix], _content(path), path.parent.name != OWN)


def version_of(package: str) -> str:
    """Which version of a package is here."""
    return next(each.version for each in locked() if each.package == package)


def digest(content: bytes) -> str:
    """The SHA-256 as the lock has it."""
    return hashlib.sha256(content).hexdigest()


@cache
def _paths() -> dict[str, Path]:
    """All that is served, by name: no name of a request is ever made a path."""
    own = {f"{OWN}/{path.name}": path for path in (ASSETS / OWN).iterdir()}
    return {each.name: each.path for each in locked()} | own


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()
