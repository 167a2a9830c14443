"""What a worker asks of its machine: one processor, a patient collector, memory that is kept."""

import ctypes
import gc
import os
from typing import Final

import structlog

GC_THRESHOLD: Final = 500_000
"""Objects made before the collector looks: a batch makes some 60,000 and leaves no cycles, so the
default of 700 looks a hundred times a batch for nothing (a tenth of the time of a batch)."""

LARGEST_KEPT: Final = 32 * 2**20
KEPT: Final = 128 * 2**20
"""Bytes. glibc gives large blocks, and the free top of a heap, back to the system at once. Each
Kafka batch compresses into such a block: its pages were fetched anew and cleared, 2,000 a
thousand commands, a tenth of a worker's time."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Numbers of glibc's malloc.h."""

log: Final = structlog.get_logger(__name__)


def settle(cpu: int | None) -> None:
    """Set the process up; before other threads are started, which inherit it."""
    gc.set_threshold(GC_THRESHOLD)
    _keep_memory()
    _keep_to(cpu)


def _keep_memory() -> None:
    """Have freed memory kept for the next batch, where the C library lets us say so."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, KEPT)


def _keep_to(cpu: int | None) -> None:
    """Keep all threads on one processor, where that is asked for and can be had."""
    if cpu is None or not hasattr(os, "sched_setaffinity"):
        return
    if cpu in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {cpu})
    else:
        log.warning("no such processor for this process, using all", worker_cpu=cpu)
