"""One lane with meters for all guards of this folder."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from schemas.settings import Settings
from tests.meters import Desk, Instructions, Source, warm
from tests.snippets import run
from tests.workers import environment

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(scope="package")
def guarded(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger for the guards alone."""
    return new_ledger()


@pytest.fixture(scope="package")
def source(guarded: Settings) -> Source:
    """Commands on the ledger's wallets; no two are the same."""
    return Source(guarded)


@pytest.fixture(scope="package")
def instructions() -> Instructions:
    """Counts in the lane's thread."""
    return Instructions()


@pytest.fixture(scope="package")
def desk(guarded: Settings, source: Source, instructions: Instructions) -> Iterator[Desk]:
    """A lane with its wallets opened, and warm."""
    with instructions:
        made = Desk(guarded)
        made.batch(source.opening())  # by now its thread has begun
    try:
        warm(made, source)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="package")
def memory(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, float]:
    """Bytes that a command takes at the worst moment of its batch: of each mix, and planted."""
    file = tmp_path_factory.mktemp("memory") / "bytes.json"
    command = (sys.executable, "-X", "tracemalloc", "-m", "tests.performance.memory", str(file))
    done = run(*command, folder=ROOT, environment=environment(new_ledger()))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(file.read_text(encoding="utf-8")))
