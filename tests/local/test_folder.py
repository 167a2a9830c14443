"""The data folder: one supervisor at a time, never somebody else's files; its state file; ports."""

import errno
import fcntl
import os
import socket
import stat
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas import local_copy
from wallet.failure import Failure
from wallet.local import ports, running, state
from wallet.local.folder import DataFolder
from wallet.local.state import ProcessState, State


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A prepared folder."""
    made = DataFolder.at(tmp_path / "data")
    made.prepare()
    return made


def test_a_folder_has_one_supervisor(folder: DataFolder) -> None:
    """The second is told which command helps; when the first has ended the folder is free."""
    assert not folder.is_held()
    with folder.held():
        assert folder.is_held()
        with pytest.raises(Failure, match=r"already running.*wallet down"), folder.held():
            pass
    assert not folder.is_held()


def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    """An empty folder that `wallet status` was asked about can still be used."""
    folder = DataFolder.at(tmp_path)
    assert not folder.is_held()
    assert list(tmp_path.iterdir()) == []
    folder.prepare()


def test_a_look_does_not_keep_a_supervisor_away(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks has the lock for a moment; a start waits for that."""
    (folder.root / local_copy.LOCK).touch()
    with ExitStack() as looking:
        look = looking.enter_context((folder.root / local_copy.LOCK).open("rb"))
        fcntl.flock(look, fcntl.LOCK_SH)
        monkeypatch.setattr(time, "sleep", lambda _seconds: looking.close())
        with folder.held():
            assert folder.is_held()


def test_a_file_is_no_copy(tmp_path: Path) -> None:
    """`--data FILE` says that nothing runs there, not a traceback."""
    folder = DataFolder.at(tmp_path / "file")
    folder.root.touch()
    assert not folder.is_held()
    assert state.read(folder.state_file) is None
    with pytest.raises(Failure, match="nothing is running"):
        running.status(folder)


def test_what_may_not_be_read_is_one_line(folder: DataFolder) -> None:
    """As another user's copy; here folders stand where the files should, for root reads all."""
    folder.state_file.mkdir()
    (folder.root / local_copy.LOCK).mkdir()
    for look in (folder.is_held, lambda: state.read(folder.state_file), folder.remove):
        with pytest.raises(Failure, match=rf"{folder.root}.*: Is a directory;.*--data"):
            look()


def test_another_users_copy_is_not_stopped(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is named, and how to choose another one."""

    def refuse(_process: int, _number: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    state.write(folder.state_file, State("http://h", "k:1", "postgresql://p", 1))
    monkeypatch.setattr(os, "kill", refuse)
    with folder.held(), pytest.raises(Failure, match=rf"{folder.root}: Operation not.*--data"):
        running.stop(folder)


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """`--data ~/Documents --fresh` must not be the end of the documents."""
    (tmp_path / "thesis.txt").write_text("years of work")
    folder = DataFolder.at(tmp_path)
    with pytest.raises(Failure, match="not made by wallet"):
        folder.prepare()
    with pytest.raises(Failure, match="nothing was deleted"):
        folder.remove()
    folder.empty()
    assert (tmp_path / "thesis.txt").exists()


def test_a_folder_that_kafka_would_take_for_two_is_refused(tmp_path: Path) -> None:
    """Its log would lie in half of the name, and in the other half from where one stands."""
    with pytest.raises(Failure, match=r"comma.*--data"):
        DataFolder.at(tmp_path / "one,two").prepare()
    assert not any(tmp_path.iterdir())


def test_fresh_empties_a_folder_and_reset_removes_it(folder: DataFolder) -> None:
    """All data goes; the folder can be prepared again."""
    folder.kafka.mkdir()
    (folder.kafka / "segment").touch()
    with folder.held():
        folder.empty()
        folder.prepare()
    assert not folder.kafka.exists()
    folder.remove()
    assert not folder.root.exists()


def test_a_held_folder_is_not_removed(folder: DataFolder) -> None:
    """The data of a running copy stays."""
    with folder.held(), pytest.raises(Failure, match="already running"):
        folder.remove()


def test_the_state_file_reads_as_it_was_written(folder: DataFolder) -> None:
    """And only its owner may read it: a real database's address may hold a password."""
    written = State("http://h", "k:1", "postgresql://p", 1, (ProcessState("kafka", 2),))
    state.write(folder.state_file, written)
    assert state.read(folder.state_file) == written
    assert stat.S_IMODE(folder.state_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "{}", '{"http": 1}', "[]"])
def test_a_broken_state_file_is_no_state(folder: DataFolder, text: str) -> None:
    """Commands then say that nothing is running, not a traceback."""
    folder.state_file.write_text(text)
    assert state.read(folder.state_file) is None


def test_a_usual_port_that_is_taken_gives_way_and_a_wanted_one_does_not() -> None:
    """The default falls back to a free port; an explicit port is an error that names the option."""
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ports.choose(None, port, "--http-port") != port
        with pytest.raises(Failure, match=f"port {port} is in use.*--http-port"):
            ports.choose(port, port, "--http-port")


def test_a_port_is_promised_once() -> None:
    """Two supervisors starting in the same second get two ports."""
    port = ports.free()
    assert ports.choose(None, port, "--http-port") != port


def test_a_folder_that_cannot_be_made_is_one_line() -> None:
    """`--data /dev/null/x` names the folder and the option."""
    with pytest.raises(Failure, match=r"cannot use .*--data"):
        DataFolder.at(Path(os.devnull) / "x").prepare()
