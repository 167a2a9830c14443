"""Starts a consumer over and over and kills each of its lives in the middle of its work.

A program of its own, so that a life is a fork and not a second of imports:
`python -m tests.nursery PATH CLASS LIVES SEED` runs the consumer of a file, on the ledger of its
environment. All lives have the same slot. The last one is left alone until SIGTERM.
"""

import importlib.util
import os
import random
import select
import signal
import sys
import threading
from typing import Any

from consumers.kit import Projection, run
from wallet.local.process import die_with_parent

BATCH = 5
APPLY_SECONDS = 0.01
LIFE_SECONDS = 60.0


def load(path: str, name: str) -> type[Projection]:
    """The consumer's class in a file."""
    spec = importlib.util.spec_from_file_location("example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[Projection] = getattr(module, name)
    return found


def watched(consumer: type[Projection], pipe: int) -> Projection:
    """The consumer, but it says each batch on a pipe when it was written and not committed."""

    class Watched(consumer):  # type: ignore[misc, valid-type]
        def apply(self, cursor: Any, events: Any) -> None:  # noqa: ANN401 - passed on
            super().apply(cursor, events)
            os.write(pipe, b".")
            threading.Event().wait(APPLY_SECONDS)

    made: Projection = Watched()
    return made


def live(consumer: type[Projection]) -> tuple[int, int]:
    """Start a life: its process and the pipe on which it says its batches."""
    heard, said = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        die_with_parent(signal.SIGKILL, parent)()
        os.close(heard)
        os._exit(run(watched(consumer, said), batch=BATCH))
    os.close(said)
    return pid, heard


def kill_after(pid: int, pipe: int, batches: int, rest: float) -> None:
    """Let a life say so many batches, wait a moment, and kill it."""
    for _ in range(batches):
        ready, _, _ = select.select([pipe], [], [], LIFE_SECONDS)
        assert ready, "no batch in time"
        assert os.read(pipe, 1), "it died by itself"
    threading.Event().wait(rest)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    os.close(pipe)


def main(path: str, name: str, lives: int, seed: int) -> int:
    """Kill so many lives, then let one work until SIGTERM; its exit code."""
    chance = random.Random(seed)  # noqa: S311 - chance that repeats
    consumer = load(path, name)
    for life in range(lives):
        kill_after(*live(consumer), chance.randint(1, 8), chance.uniform(0, 2 * APPLY_SECONDS))
        print(f"killed {life + 1}", flush=True)  # noqa: T201 - who waits reads it
    pid, _ = live(consumer)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    print("left alone", flush=True)  # noqa: T201 - as above
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
