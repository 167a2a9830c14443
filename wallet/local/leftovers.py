"""Ends what a killed supervisor left behind, so that its data can be taken over."""

import os
from collections.abc import Iterator
from dataclasses import replace

import psutil

from wallet.local import state
from wallet.local.folder import DataFolder
from wallet.local.process import ProcessSpec

MARK = "WALLET_SUPERVISED"
"""Environment variable of every child: the data folder it belongs to."""

STOP_SECONDS, KILL_SECONDS = 20.0, 5.0


def marked(spec: ProcessSpec, folder: DataFolder) -> ProcessSpec:
    """Give the process the mark it is known by."""
    return replace(spec, environment={**spec.environment, MARK: str(folder.root)})


def end(folder: DataFolder) -> None:
    """End the processes of the last state file that still run, and forget that file.

    A number alone may belong to somebody else by now: a process is ours when its environment
    names this folder. To be called by the holder of the folder.
    """
    processes = list(_running(folder))
    for process in processes:
        process.terminate()
    _, alive = psutil.wait_procs(processes, STOP_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, KILL_SECONDS)
    folder.state_file.unlink(missing_ok=True)


def _running(folder: DataFolder) -> Iterator[psutil.Process]:
    last = state.read(folder.state_file)
    for process in last.processes if last else ():
        try:
            found = psutil.Process(process.pid)
            if found.pid != os.getpid() and found.environ().get(MARK) == str(folder.root):
                yield found
        except psutil.Error:  # it ended, or is not ours to look at
            continue
