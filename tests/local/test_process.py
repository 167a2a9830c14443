"""A kept process: restarted when it dies, ended when told, never left behind."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from wallet.local import process as processes
from wallet.local.folder import DataFolder
from wallet.local.process import Process, ProcessSpec
from wallet.local.supervisor import Addresses, Supervisor

PATIENCE_SECONDS = 10.0
SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal as s, time; s.signal(15, s.SIG_IGN); print('up', flush=True); time.sleep(600)",
)


def nothing() -> None:
    """Nobody is told of changes."""


async def until(said: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not said():  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(0.01)


async def killed(kept: Process) -> int:
    """Kill it, and wait until it runs again; the number that it had."""
    first = kept.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: kept.pid not in {None, first})
    return first


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    """Kill -9 costs a moment; each start and end is told."""
    changes: list[int | None] = []
    kept = Process(ProcessSpec(name="p", command=SLEEPER), tmp_path, lambda: changes.append(1))
    await kept.start()
    await killed(kept)
    assert (kept.restarts, kept.last_exit) == (1, -signal.SIGKILL)
    assert len(changes) == 3
    await kept.stop()
    assert kept.pid is None


async def test_what_is_added_for_another_start_is_not_there_at_the_first(tmp_path: Path) -> None:
    """A server that crashed may want to be started otherwise."""
    command = (sys.executable, "-c", "import sys; print(sys.argv[1:], flush=True); input()")
    kept = Process(ProcessSpec(name="p", command=command, again=("more",)), tmp_path, nothing)
    await kept.start()
    await until(lambda: "['more']" in kept.log.read_text())
    await kept.stop()
    said = [line for line in kept.log.read_text().splitlines() if line.startswith("[")]
    assert said[:2] == ["[]", "['more']"]


async def test_the_pause_between_restarts_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that cannot live does not take the machine with it."""
    monkeypatch.setattr(processes, "FIRST_PAUSE_SECONDS", 0.05)
    kept = Process(ProcessSpec(name="p", command=("false",)), tmp_path, nothing)
    await kept.start()
    await asyncio.sleep(0.5)  # 0.05 + 0.1 + 0.2 + ... : three or four, not fifty
    await kept.stop()
    assert 1 <= kept.restarts <= 4


async def test_a_stubborn_process_is_killed(tmp_path: Path) -> None:
    """What ignores its signal is killed when its time is over."""
    spec = ProcessSpec(name="p", command=STUBBORN, stop_seconds=0.3)
    kept = Process(spec, tmp_path, nothing)
    await kept.start()
    await until(lambda: "up" in kept.log.read_text())
    await kept.stop()
    assert (kept.pid, kept.last_exit) == (None, -signal.SIGKILL)


async def test_last_words_are_the_childs_own(tmp_path: Path) -> None:
    """An error can quote what the process said before it died."""
    command = (sys.executable, "-c", "print('no room on the disk')")
    kept = Process(ProcessSpec(name="p", command=command), tmp_path, nothing)
    await kept.start()
    await until(lambda: kept.restarts > 0)
    await kept.stop()
    assert kept.last_words() == f"no room on the disk (see {tmp_path / 'p.log'})"


async def test_a_large_log_is_put_aside_at_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One older log is kept; a copy that runs for months does not fill the disk."""
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 10)
    (tmp_path / "p.log").write_text("x" * 100)
    kept = Process(ProcessSpec(name="p", command=SLEEPER), tmp_path, nothing)
    await kept.start()
    await kept.stop()
    assert (tmp_path / "p.log.1").read_text() == "x" * 100


async def test_a_log_that_grows_large_is_put_aside_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the access log of a gateway that is never started again."""
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 1000)
    monkeypatch.setattr(processes, "LOG_LOOK_SECONDS", 0.02)
    talk = "import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.001)"
    spec = ProcessSpec(name="p", command=(sys.executable, "-c", talk))
    kept = Process(spec, tmp_path, nothing)
    await kept.start()
    older = tmp_path / "p.log.1"
    await until(older.exists)
    first = kept.pid
    await until(lambda: kept.log.stat().st_size < 1000)
    await kept.stop()
    assert kept.restarts == 0
    assert first is not None
    assert "x" * 99 in older.read_text()


async def test_a_full_disk_does_not_end_the_keeping(tmp_path: Path) -> None:
    """Whoever writes each change down raises; the next changes are told all the same."""
    changes: list[int | None] = []

    def write_down() -> None:
        changes.append(kept.pid)
        if len(changes) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    kept = Process(ProcessSpec(name="p", command=SLEEPER), tmp_path, write_down)
    await kept.start()
    first = await killed(kept)
    assert changes == [first, None, kept.pid]
    await kept.stop()
    assert kept.pid is None


async def test_a_log_that_cannot_be_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No start succeeds until there is room again, and none of them is the last try."""
    monkeypatch.setattr(processes, "LAST_PAUSE_SECONDS", 0.1)
    logs, away = tmp_path / "logs", tmp_path / "away"
    logs.mkdir()
    kept = Process(ProcessSpec(name="p", command=SLEEPER), logs, nothing)
    await kept.start()
    first = kept.pid
    assert first is not None
    logs.rename(away)
    logs.touch()
    os.kill(first, signal.SIGKILL)
    await until(lambda: kept.restarts > 1)
    assert kept.pid is None
    logs.unlink()
    away.rename(logs)
    await until(lambda: kept.pid is not None)
    await kept.stop()
    assert kept.pid is None


async def test_all_are_ended_whatever_one_of_them_raises(tmp_path: Path) -> None:
    """The workers before the servers, and the child of a keeper that has died among them."""

    def break_down() -> None:
        if broken.restarts:
            raise ValueError("planted")

    folder = DataFolder.at(tmp_path / "data")
    folder.prepare()
    supervisor = Supervisor(folder, Addresses("http://h", "k:1", "postgresql://h/d"), os.getpid())
    broken = Process(ProcessSpec(name="w", command=SLEEPER), folder.logs, break_down)
    await broken.start()
    supervisor.workers.append(broken)
    first = broken.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: broken.pid not in {None, first})
    server = await supervisor.start_server(ProcessSpec(name="s", command=SLEEPER))
    with pytest.raises(ValueError, match="planted"):
        await supervisor.stop()
    assert (broken.pid, server.pid) == (None, None)
    assert not folder.state_file.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="a request only Linux knows")
def test_children_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    """Kill -9 of the supervisor leaves no orphan, not even one that ignores SIGTERM."""
    program = f"""
import asyncio, signal, sys
from pathlib import Path
from wallet.local.process import Process, ProcessSpec

async def main():
    spec = ProcessSpec(name="p", command={STUBBORN!r}, orphan_signal=signal.SIGKILL)
    kept = Process(spec, Path({str(tmp_path)!r}), lambda: None)
    await kept.start()
    print(kept.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        child = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.kill()
    child.wait(PATIENCE_SECONDS)
