"""Clocks that are stepped under a running process."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wallet.torture.clocks import SteppedClocks

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")

HOUR = 3600.0
TELLS = """
import datetime, sys, time
for _ in sys.stdin:
    print(time.time(), datetime.datetime.now().timestamp(), time.monotonic(), flush=True)
"""
WAITS = """
import sys, threading, time
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
consumer = Consumer({"bootstrap.servers": "127.0.0.1:9", "group.id": "x", "log_level": 0})
consumer.subscribe(["x"])
began = time.monotonic()
time.sleep(0.05)
threading.Condition().acquire() and threading.Event().wait(0.05)
consumer.poll(0.2)
print(time.monotonic() - began)
"""


@pytest.fixture
def clocks(tmp_path: Path) -> Iterator[SteppedClocks]:
    """One for the Python of this test."""
    made = SteppedClocks(tmp_path / "clocks", Path(sys.executable).name, "other")
    yield made
    made.close()


def child(clocks: SteppedClocks, program: str) -> subprocess.Popen[str]:
    """A process on the stepped clock."""
    return subprocess.Popen(
        (sys.executable, "-c", program),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clocks.environment,
    )


def test_a_step_is_seen_at_once_and_only_on_the_wall_clock(clocks: SteppedClocks) -> None:
    """Ahead, behind, and right again; a clock that never jumps goes on; another's is another's."""
    program = Path(sys.executable).name
    with child(clocks, TELLS) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for ahead in (0.0, HOUR, -2.0, 0.0):
            clocks.set_ahead(program, ahead)
            clocks.set_ahead("other", 77.0)
            assert clocks.ahead(program) == ahead
            process.stdin.write("\n")
            process.stdin.flush()
            wall, dated, steady = map(float, process.stdout.readline().split())
            assert wall - time.time() == pytest.approx(ahead, abs=1.0)
            assert dated - wall == pytest.approx(0.0, abs=1.0)
            assert steady - time.monotonic() == pytest.approx(0.0, abs=1.0)
        process.stdin.close()


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_waits_end_in_time_on_a_wrong_clock(clocks: SteppedClocks, ahead: float) -> None:
    """Also librdkafka's, which wait until a moment of the wall clock."""
    clocks.set_ahead(Path(sys.executable).name, ahead)
    with child(clocks, WAITS) as process:
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert 0.25 < float(told) < 30
