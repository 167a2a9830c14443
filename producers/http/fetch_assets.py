"""Make `assets/` anew: `python -m producers.http.fetch_assets` (for developers, with npm).

Change a version below, run it, look at both pages in a browser, commit folder and lock together.
"""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from producers.http.vendored import LOCK, Locked, digest

WANTED: Final = {
    ("swagger-ui-dist", "5.35.0"): (
        "LICENSE",
        "NOTICE",
        "favicon-32x32.png",
        "swagger-ui-bundle.js",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui.css",
    ),
    ("redoc", "2.5.4"): (
        "LICENSE",
        "bundles/redoc.standalone.js",
        "bundles/redoc.standalone.js.LICENSE.txt",
    ),
    ("htmx.org", "2.0.11"): ("LICENSE", "dist/htmx.min.js"),
}
"""Package and version -> its files that the pages need, and their licences."""

HEADER: Final = "# package version file sha256; made by producers/http/fetch_assets.py\n"
SECONDS: Final = 120


def main() -> None:
    """Fetch every package, take what is wanted out of it, write the lock."""
    lines = [line for package, version in WANTED for line in _fetch(package, version)]
    LOCK.write_text(HEADER + "".join(f"{' '.join(line)}\n" for line in lines), encoding="utf-8")


def _fetch(package: str, version: str) -> list[Locked]:
    content = _packed(f"{package}@{version}")
    lines = []
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for file in WANTED[package, version]:
            member = archive.extractfile(f"package/{file}")
            assert member is not None, f"{package} has no file {file}"
            taken = member.read()
            line = Locked(package, version, file, digest(taken))
            line.path.parent.mkdir(parents=True, exist_ok=True)
            line.path.write_bytes(taken)
            lines.append(line)
    return lines


def _packed(named: str) -> bytes:
    """A package as npm has it, checked by npm against its registry's own hash."""
    with tempfile.TemporaryDirectory() as folder:
        command = ("npm", "pack", "--silent", named)
        subprocess.run(command, cwd=folder, check=True, timeout=SECONDS)  # noqa: S603 - our own words
        (packed,) = Path(folder).iterdir()
        return packed.read_bytes()


if __name__ == "__main__":
    main()
