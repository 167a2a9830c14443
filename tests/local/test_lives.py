"""Forked lives: to whoever started them they are processes like any other."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from tests import lives
from tests.stacks import without_settings
from tests.workers import wait_until

SECONDS = 60.0


def started(log: Path, *words: str, **more: str) -> lives.Running:
    """Start `wallet WORDS` with our environment and some more."""
    with log.open("ab") as out:
        return lives.start(words, {**without_settings(), **more}, out)


def bank(tmp_path: Path, **more: str) -> lives.Running:
    """Start something that lives until it is told to end, and wait for its first word."""
    log = tmp_path / "log"
    life = started(log, "pretend-bank", "--port", "0", "--data", str(tmp_path), **more)
    wait_until(log.read_bytes, SECONDS, "a word of the bank")
    return life


def test_what_it_says_and_how_it_ends(tmp_path: Path) -> None:
    """Both outputs go to the log; the exit code is that of the command."""
    log = tmp_path / "log"
    assert started(log, "worker", "--nonsense").wait(SECONDS) == 2
    assert "No such option" in log.read_text()
    assert started(log, "--version").wait(SECONDS) == 0


def test_its_environment_is_the_one_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of ours, or of the lives before it, is left in it."""
    log = tmp_path / "log"
    monkeypatch.setenv("WALLET_KAFKA_TIMEOUT_MS", "ours")
    for name in ("WALLET_PARTITIONS", "WALLET_BATCH_MAX"):
        assert started(log, "worker", **{name: "many"}).wait(SECONDS) == 2
    partitions, batch_max = log.read_text().splitlines()
    assert partitions.startswith("wallet: WALLET_PARTITIONS: Input should be a valid integer")
    assert batch_max.startswith("wallet: WALLET_BATCH_MAX: Input should be a valid integer")


@pytest.mark.parametrize("command", lives.FAULTS)
def test_it_dies_where_it_is_told_to(tmp_path: Path, command: str) -> None:
    """A fault is read by a module as it is imported, which was before the life began."""
    log = tmp_path / "log"
    assert started(log, command, "--nonsense", WALLET_FAULT="nowhere").wait(SECONDS) == 1
    assert "WALLET_FAULT: no point 'nowhere'" in log.read_text()


def test_a_life_ends_by_kill_and_by_word(tmp_path: Path) -> None:
    """It is the leader of a group of its own, and every thread that waits hears of its end."""
    life = bank(tmp_path)
    assert life.poll() is None
    assert os.getpgid(life.pid) == life.pid
    with pytest.raises(subprocess.TimeoutExpired):
        life.wait(0.01)
    heard: list[int] = []
    waiting = [threading.Thread(target=lambda: heard.append(life.wait(SECONDS))) for _ in "ab"]
    for thread in waiting:
        thread.start()
    life.kill()
    for thread in waiting:
        thread.join(SECONDS)
    assert heard == [-9, -9]
    life.send_signal(signal.SIGTERM)

    (tmp_path / "log").unlink()
    polite = bank(tmp_path)
    polite.send_signal(signal.SIGTERM)
    assert polite.wait(SECONDS) == 0


def test_a_library_to_preload_makes_it_a_process_of_its_own(tmp_path: Path) -> None:
    """It must be there before Python is: so a fork would be without it."""
    for more, is_our_child in (({}, False), ({"LD_PRELOAD": ""}, True)):
        life = bank(tmp_path, **more)
        assert (psutil.Process(life.pid).ppid() == os.getpid()) == is_our_child
        life.kill()
        assert life.wait(SECONDS) == -9
