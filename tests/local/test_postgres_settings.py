"""PostgreSQL's share of a machine."""

from pathlib import Path

import psutil
import pytest

from wallet.local import postgres

GIB = 2**30


@pytest.mark.parametrize(
    ("memory_gib", "megabytes"), [(1, 256), (4, 256), (8, 512), (24, 1536), (512, 2048)]
)
def test_a_large_machine_keeps_more_of_the_database_at_hand(
    memory_gib: int, megabytes: int
) -> None:
    """A sixteenth, within bounds."""
    assert postgres.buffers_mb(memory_gib * GIB) == megabytes


def test_the_server_is_told(tmp_path: Path) -> None:
    """On its command line, so that a copy that is moved follows its machine."""
    expected = postgres.buffers_mb(psutil.virtual_memory().total)
    assert f"shared_buffers={expected}MB" in postgres.spec(tmp_path, 5432).command
