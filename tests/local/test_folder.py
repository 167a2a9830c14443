"""The data folder: one supervisor at a time, never somebody else's files; its state file; ports."""

import os
import socket
import stat
from pathlib import Path

import pytest

from wallet.failure import Failure
from wallet.local import ports, state
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
