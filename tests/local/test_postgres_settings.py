"""PostgreSQL's share of a machine."""

from pathlib import Path

import psutil
import pytest

from wallet.local import postgres

GIB = 2**30


@pytest.mark.parametrize(
    ("memory_gib", "megabytes"), [(0.5, 256), (1, 256), (8, 2048), (24, 6144), (512, 8192)]
)
def test_a_large_machine_keeps_more_of_the_database_at_hand(
    memory_gib: float, megabytes: int
) -> None:
    """A quarter, within bounds."""
    assert postgres.buffers_mb(int(memory_gib * GIB)) == megabytes


@pytest.mark.parametrize(
    ("said", "is_limit"), [("1073741824\n", True), ("max\n", False), (None, False)]
)
def test_a_container_may_have_less(tmp_path: Path, said: str | None, *, is_limit: bool) -> None:
    """Its limit is a file of the kernel's; where there is none, or none is set, the machine's."""
    limit = tmp_path / "memory.max"
    if said is not None:
        limit.write_text(said, encoding="ascii")
    expected = GIB if is_limit else psutil.virtual_memory().total
    assert postgres.memory_bytes(limit) == expected


def test_the_server_is_told(tmp_path: Path) -> None:
    """On its command line, so that a copy that is moved follows its machine."""
    expected = postgres.buffers_mb(postgres.memory_bytes())
    assert f"shared_buffers={expected}MB" in postgres.spec(tmp_path, 5432).command
