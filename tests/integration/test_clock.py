"""The development clock: forward only, for local copies only, and what it makes due is fired."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.shell import Shell
from tests.workers import rows
from wallet import clock
from wallet.local.folder import DataFolder
from wallet.local.state import ProcessState, State, write

pytestmark = pytest.mark.integration


def play_copy(folder: DataFolder, settings: Settings, *processes: str) -> None:
    """Write a state file that says a copy with these processes has this ledger."""
    found = State(
        http="http://127.0.0.1:1",
        kafka=settings.kafka_bootstrap,
        postgres=settings.database_url,
        supervisor=os.getpid(),
        processes=tuple(ProcessState(name, os.getpid()) for name in processes),
    )
    write(folder.state_file, found)


@pytest.fixture
def copy(new_ledger: Callable[..., Settings], tmp_path: Path) -> Iterator[Settings]:
    """A ledger of the test's own that looks as if `wallet up` had started all of it."""
    folder = DataFolder.at(tmp_path / "copy")
    folder.prepare()
    settings = new_ledger(data=folder.root)
    with folder.held():
        play_copy(folder, settings, "kafka", "postgres", "worker-1")
        yield settings


def test_advances_add_up_and_are_shown(copy: Settings) -> None:
    """Each is counted from where the clock is."""
    shell = Shell(copy)
    assert shell("clock", "show", "--json").json["ahead_ms"] == 0
    assert "not ahead" in shell("clock", "show").said
    assert shell("clock", "advance", "3d", "--json").json["ahead_ms"] == 3 * 86_400_000
    assert "no length of time ahead" in shell("clock", "advance", "-3d").complained
    moved = shell("clock", "advance", "PT1.5S", "--json").json
    assert moved["ahead_ms"] == 3 * 86_400_000 + 1500
    shown = shell("clock", "show", "--json").json
    assert shown["ahead_ms"] == moved["ahead_ms"]
    assert shown["now"] >= moved["now"]
    assert "3 days, 0:00:01.500000 ahead" in shell("clock", "show").said


def test_two_that_advance_at_once_add_up(copy: Settings) -> None:
    """No advance is lost."""
    minute = timedelta(minutes=1)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: clock.advance(copy, minute).ahead, range(4)))
    assert sorted(found) == [minute, 2 * minute, 3 * minute, 4 * minute]


@pytest.mark.parametrize("by", ["-3d", "0s", "soon", "PT0.0001S"])
def test_only_forward(copy: Settings, by: str) -> None:
    """What is no time ahead moves nothing."""
    shell = Shell(copy)
    assert shell("clock", "advance", "--", by).code in (1, 2)
    assert shell("clock", "show", "--json").json["ahead_ms"] == 0


def test_no_further_than_years_are_written(copy: Settings) -> None:
    """Beyond a hundred years it is refused, and the clock is as it was."""
    done = Shell(copy)("clock", "advance", "36501d")
    assert done.code == 1
    assert "wallet up --fresh" in done.complained
    with rows(copy, "SELECT count(*) FROM clock") as found:
        assert found == [(0,)]


def test_refused_where_no_copy_runs(fresh_ledger: Settings, tmp_path: Path) -> None:
    """A state file that was left behind by a killed supervisor is no copy."""
    folder = DataFolder.at(tmp_path / "copy")
    folder.prepare()
    play_copy(folder, fresh_ledger, "kafka", "postgres")
    done = Shell(fresh_ledger.model_copy(update={"data": folder.root}))("clock", "advance", "3d")
    assert done.code == 1
    assert "none runs on" in done.complained
    assert "wallet up" in done.complained


def test_refused_on_another_database(fresh_ledger: Settings, settings: Settings) -> None:
    """A copy runs, but this ledger is not its own."""
    done = Shell(fresh_ledger.model_copy(update={"data": settings.data}))("clock", "advance", "3d")
    assert done.code == 1
    assert "WALLET_DATABASE_URL" in done.complained
    with rows(fresh_ledger, "SELECT count(*) FROM clock") as found:
        assert found == [(0,)]


def test_refused_on_a_database_that_the_copy_did_not_start(copy: Settings) -> None:
    """`wallet up` beside a real database makes nothing a toy."""
    play_copy(DataFolder.at(copy.data), copy, "kafka", "worker-1")
    done = Shell(copy)("clock", "advance", "3d")
    assert done.code == 1
    assert "is not that of the copy" in done.complained


def test_a_clock_that_cannot_be_read_says_what_to_do(fresh_ledger: Settings) -> None:
    """A database that is not there."""
    gone = fresh_ledger.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    done = Shell(gone)("clock", "show")
    assert done.code == 1
    assert "wallet up" in done.complained
